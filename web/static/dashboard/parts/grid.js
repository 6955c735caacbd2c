// A grid of cohorts: a line for each, a column for each interval after the first, the darker the more came back.

import { el, styled } from '../core/dom.js';
import { number, percent } from '../core/format.js';

/** How dark the darkest cell is: what is written in it has to be read. */
const [FAINT, DARK] = [6, 46];

/**
 * `rows`: [{ title, size, returned, of, shares }], `of[n]` what the n-th share is of; `label`, `unit` name the first and the
 * other columns; `asCounts`: numbers in the cells, not shares.
 */
export function grid(place, { rows, label, unit, asCounts = false }) {
  // Nothing can be said yet of times that no cohort has reached.
  const wide = Math.max(...rows.map(({ of }) => of.findLastIndex(Boolean))) + 1;
  const most = Math.max(...rows.flatMap(({ shares }) => shares.slice(1)), 1e-9);
  const cell = ({ returned, of, shares }, at) => {
    if (at >= shares.length || !of[at]) return el('td', {});
    const heat = shares[at] && FAINT + (DARK - FAINT) * Math.min(1, shares[at] / most);
    return styled(el('td', { class: 'number heat', title: `${number(returned[at])} of ${number(of[at])}: ${percent(shares[at])}` },
      asCounts ? number(returned[at]) : percent(shares[at])), { '--heat': `${heat.toFixed(0)}%` });
  };
  place.append(el('div', { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': `${label}: who came back` },
    el('table', { class: 'grid' },
      el('thead', {}, el('tr', {}, el('th', { scope: 'col' }, label), el('th', { scope: 'col', class: 'number' }, 'Size'),
        Array.from({ length: wide }, (_, at) => el('th', { scope: 'col', class: 'number' }, `${unit} ${at}`)))),
      el('tbody', {}, rows.map((row) => el('tr', { class: row.isTotal ? 'total' : null },
        el('th', { scope: 'row' }, row.title), el('td', { class: 'number' }, number(row.size)),
        Array.from({ length: wide }, (_, at) => cell(row, at))))))));
}
