// A breakdown: a line for each value, with a bar for its share, that can be chosen to filter by it.

import { el, styled } from '../core/dom.js';

/**
 * `rows`: [{ key, title, value, cells }]; `value` decides the bar; `cells` are texts at the right under `columns`.
 * `choose(key)`: called when a line is chosen. `label` names the first column.
 */
export function bars(place, { rows, columns, label, choose, more }) {
  const most = Math.max(...rows.map(({ value }) => value), 1e-9);
  const head = el('tr', {}, el('th', { scope: 'col' }, label), columns.map((title) => el('th', { scope: 'col', class: 'number' }, title)));
  const lines = rows.map(({ key, title, value, cells }) => {
    const bar = styled(el('span', { class: 'bar', 'aria-hidden': 'true' }), { '--share': `${(100 * value) / most}%` });
    const text = choose
      ? el('button', { type: 'button', class: 'link', title: `Filter by ${title}`, on: { click: () => choose(key) } }, title)
      : el('span', {}, title);
    return el('tr', { 'data-key': key }, el('td', { class: 'barred' }, bar, text), cells.map((cell) => el('td', { class: 'number' }, cell)));
  });
  const made = el('table', { class: 'bars' }, el('thead', {}, head), el('tbody', {}, lines));
  // Where nothing in it can hold the focus, it could not be scrolled by keyboard.
  place.append(choose ? made : el('div', { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': label }, made));
  if (more) place.append(el('p', { class: 'small' }, more));
}
