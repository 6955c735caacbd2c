// A filter as lines of a form: field, condition, value, all of which hold.

import { el } from '../core/dom.js';
import { OPERATORS } from '../core/state.js';

/** The lines that a filter is, or null where it says more than lines can. */
function linesOf(filter) {
  if (!filter) return [];
  const parts = filter.op === 'and' ? filter.filters : [filter];
  return parts.every(({ op, field }) => op in OPERATORS && field) ? parts : null;
}

/**
 * An editor of `filter`; `fields`: what is proposed, by name; `what` is said of its buttons. `value()` gives the filter
 * that it says, undefined where it says none. One that is no list of lines stays as it is.
 */
export function conditions(filter, { fields, what }) {
  const known = linesOf(filter);
  if (!known) {
    return {
      element: el('p', { class: 'muted small' }, 'Its filter was made by the API and stays as it is: ', el('code', {}, JSON.stringify(filter))),
      value: () => filter,
    };
  }
  const list = el('div', { class: 'lines' });
  const lines = [];
  const add = (said) => {
    const line = lineOf(said, fields, what, () => {
      lines.splice(lines.indexOf(line), 1);
      line.element.remove();
    });
    lines.push(line);
    list.append(line.element);
    return line;
  };
  known.forEach(add);
  return {
    element: el('div', { class: 'conditions' }, list, el('button', {
      type: 'button', class: 'quiet small', 'aria-label': `Add a condition: ${what}`,
      on: { click: () => add({ op: 'is', field: '', value: '' }).focus() },
    }, '+ Condition')),
    value: () => {
      const parts = lines.map(({ value }) => value()).filter(({ field }) => field);
      return parts.length > 1 ? { op: 'and', filters: parts } : parts[0];
    },
  };
}

let lists = 0;

function lineOf({ field, op, value }, fields, what, drop) {
  lists += 1;
  const id = `fields-${lists}`;
  const named = el('input', { value: field, list: id, placeholder: 'field', 'aria-label': `Field: ${what}`, maxlength: 160 });
  const how = el('select', { 'aria-label': `Condition: ${what}` },
    Object.entries(OPERATORS).map(([name, title]) => el('option', { value: name, selected: name === op }, title)));
  const wanted = el('input', { value, placeholder: 'value', 'aria-label': `Value: ${what}`, maxlength: 2048 });
  const element = el('div', { class: 'line' }, named, how, wanted,
    el('datalist', { id }, Object.entries(fields).map(([name, title]) => el('option', { value: name }, title))),
    el('button', { type: 'button', class: 'quiet', 'aria-label': `Remove this condition: ${what}`, on: { click: drop } }, '×'));
  return {
    element,
    focus: () => named.focus(),
    value: () => ({ op: how.value, field: named.value.trim(), value: wanted.value }),
  };
}

/** A filter in words. */
export function said(filter) {
  if (!filter) return '';
  const lines = linesOf(filter);
  if (!lines) return JSON.stringify(filter);
  return lines.map(({ field, op, value }) => `${field.replace(/^(property|user)\./, '')} ${OPERATORS[op]} ${value}`).join(' and ');
}
