// A table of figures.

import { el } from '../core/dom.js';

/**
 * `columns`: [{ title, isNumber, value(row), show(value, row) }]; `show` gives text or an element.
 * `onRow(row)` makes the first cell a button.
 */
export function table({ columns, rows, caption, onRow }) {
  const head = columns.map(({ title, isNumber }) => el('th', { scope: 'col', class: isNumber ? 'number' : null }, title));
  const lines = rows.map((row) => el('tr', {}, columns.map((column, at) => cell(column, row, at === 0 ? onRow : null))));
  return el('div', { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': caption ?? 'Table' },
    el('table', {}, caption && el('caption', { class: 'unseen' }, caption),
      el('thead', {}, el('tr', {}, head)), el('tbody', {}, lines)));
}

function cell({ isNumber, value, show }, row, onRow) {
  const found = value(row);
  const text = show ? show(found, row) : String(found ?? '');
  return el('td', { class: isNumber ? 'number' : null },
    onRow ? el('button', { type: 'button', class: 'link', on: { click: () => onRow(row) } }, text) : text);
}
