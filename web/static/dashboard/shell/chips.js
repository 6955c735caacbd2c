// The filters as chips that can be taken away, and a form for one more.

import { el } from '../core/dom.js';
import { FIELDS, OPERATORS } from '../core/state.js';
import { shown } from '../core/dimensions.js';
import { openDialog } from '../parts/dialog.js';

/** Keeps the chips as the state's filters are. */
export function chips(view, place) {
  view.watch(({ filters, given }) => place.replaceChildren(
    ...(given ? [el('span', { class: 'chip fixed', title: JSON.stringify(given) }, 'What the link shows')] : []),
    ...filters.map((one) => chip(view, one)),
    el('button', { type: 'button', class: 'quiet small', on: { click: () => ask(view) } }, '+ Filter'),
    ...(filters.length > 1 ? [
      el('button', { type: 'button', class: 'quiet small', on: { click: () => view.set({ filters: [] }) } }, 'Clear all')] : []),
  ));
}

function chip(view, filter) {
  const { field, op, value } = filter;
  const said = `${FIELDS[field] ?? field} ${OPERATORS[op]} ${shown(field, value)}`;
  const without = () => view.set({ filters: view.state.filters.filter((one) => one !== filter) });
  return el('span', { class: 'chip' }, said,
    el('button', { type: 'button', 'aria-label': `Remove: ${said}`, on: { click: without } }, '×'));
}

function ask(view) {
  const field = el('select', { name: 'field' }, Object.entries(FIELDS).map(([value, title]) => el('option', { value }, title)));
  const op = el('select', { name: 'op' }, Object.entries(OPERATORS).map(([value, title]) => el('option', { value }, title)));
  const value = el('input', { name: 'value', required: true, maxlength: 2048 });
  openDialog('Filter', [
    el('label', {}, 'Field', field), el('label', {}, 'Condition', op), el('label', {}, 'Value', value),
  ], { action: 'Filter', take: () => view.filter(field.value, value.value, op.value) });
}
