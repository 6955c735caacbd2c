// A page as an outline from top to bottom: its clicks as a grid over it, how far it is scrolled beside it.

import { el, styled, svg } from '../core/dom.js';
import { number, percent } from '../core/format.js';

const MARKS = [0, 25, 50, 75, 100];
/** How tall an outline is for its width, where no picture says it. */
const TALL = 1.6;

/**
 * `cells`: [{ column, row, clicks }] of a grid of `columns` and `rows`; `reach`: [{ depth, share }], depths in %.
 * `picture`: an ImageBitmap that lies under the grid, or none.
 */
export function outline(place, { cells, columns, rows, reach, picture }) {
  const most = Math.max(...cells.map(({ clicks }) => clicks), 1);
  const sheet = styled(el('div', { class: 'sheet' }, picture ? painted(picture) : lines(), grid(cells, { columns, rows, most })), {
    '--tall': picture ? picture.height / picture.width : TALL,
  });
  place.append(el('div', { class: 'outline' }, scale(), sheet, bands(reach)),
    el('p', { class: 'legend small muted' }, 'One click', el('span', { class: 'ramp', 'aria-hidden': 'true' }), `${number(most)} clicks in a cell`));
}

function painted(picture) {
  const canvas = el('canvas', { width: picture.width, height: picture.height, 'aria-hidden': 'true' });
  canvas.getContext('2d').drawImage(picture, 0, 0);
  return canvas;
}

function lines() {
  return svg('svg', { viewBox: '0 0 100 100', preserveAspectRatio: 'none', 'aria-hidden': 'true' },
    MARKS.slice(1, -1).map((at) => svg('line', { x1: 0, x2: 100, y1: at, y2: at, 'vector-effect': 'non-scaling-stroke' })));
}

function grid(cells, { columns, rows, most }) {
  return svg('svg', {
    class: 'clicks', viewBox: `0 0 ${columns} ${rows}`, preserveAspectRatio: 'none', role: 'img',
    'aria-label': `Clicks on the page, ${cells.length} cells; the button Table shows them`,
  }, cells.map(({ column, row, clicks }) => styled(
    // Square root, so that a cell with one click can be seen beside the busiest.
    svg('rect', { x: column, y: row, width: 1, height: 1 }, svg('title', {}, `${number(clicks)} clicks`)),
    { '--share': `${(15 + 75 * Math.sqrt(clicks / most)).toFixed(0)}%` },
  )));
}

const scale = () => el('div', { class: 'scale small muted', 'aria-hidden': 'true' }, MARKS.map((at) => el('span', {}, `${at}%`)));

/** A band for each tenth of the page: the share of its views that got so far. */
function bands(reach) {
  return el('ol', { class: 'reach small', 'aria-label': 'How far the page is scrolled' }, reach.map(({ depth, share }) => styled(
    el('li', { 'data-depth': depth, title: `${percent(share)} of the views got to ${depth}% of the page` }, el('span', {}, percent(share))),
    { '--share': `${(100 * share).toFixed(0)}%` },
  )));
}
