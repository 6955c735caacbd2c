// Columns over time, stacked: what is one thing in parts, or something that happens now and then.

import { el, svg } from '../core/dom.js';

const [AXIS, FOOT, GAP, TOP, LABEL] = [44, 22, 0.22, 8, 108];

/**
 * `labels`: what the columns are called; `series`: [{ title, values, isBelow }], stacked in this order, `isBelow` ones under
 * the line; `show(value)` says a figure. Follows the width of its place. What it shows is also there as a table.
 */
export function columns(place, { labels, series, show, height = 220 }) {
  const legend = el('p', { class: 'legend' });
  const holder = el('div', { class: 'columns' });
  place.append(legend, holder);
  const tell = (at) => legend.replaceChildren(el('strong', {}, at === null ? '' : labels[at]), ...series.map(({ title, values }, nth) =>
    el('span', { class: `mark series-${nth + 1}` }, at === null ? title : `${title} ${show(values[at])}`)));
  tell(null);
  let width = 0;
  const draw = () => {
    width = holder.clientWidth;
    holder.replaceChildren(picture({ labels, series, show, height, width: Math.max(200, width), tell }));
  };
  draw();
  new ResizeObserver(() => { if (holder.isConnected && holder.clientWidth !== width) draw(); }).observe(holder);
}

function picture({ labels, series, show, height, width, tell }) {
  const sum = (at, isBelow) => series.filter((one) => Boolean(one.isBelow) === isBelow).reduce((all, { values }) => all + values[at], 0);
  const top = nice(Math.max(1, ...labels.map((_, at) => sum(at, false))));
  const low = series.some(({ isBelow }) => isBelow) ? nice(Math.max(0, ...labels.map((_, at) => sum(at, true)))) : 0;
  const unit = (height - FOOT - TOP) / (top + low);
  const zero = TOP + top * unit;
  const step = (width - AXIS) / Math.max(1, labels.length);
  const lines = [top, top / 2, 0, ...(low ? [-low] : [])].filter(Number.isInteger).flatMap((value) => [
    svg('line', { x1: AXIS, x2: width, y1: zero - value * unit, y2: zero - value * unit }),
    svg('text', { x: AXIS - 6, y: zero - value * unit + 4, 'text-anchor': 'end' }, show(Math.abs(value)))]);
  const every = Math.max(1, Math.ceil(LABEL / step));
  const column = (label, at) => {
    const ends = { up: zero, down: zero };
    const x = AXIS + (at + GAP / 2) * step;
    const parts = series.map(({ values, isBelow }, nth) => {
      const tall = values[at] * unit;
      const y = isBelow ? ends.down : ends.up - tall;
      if (isBelow) ends.down += tall;
      else ends.up -= tall;
      return tall > 0 && svg('rect', { class: `series-${nth + 1}`, x, y, width: Math.max(1, step * (1 - GAP)), height: tall });
    });
    return svg('g', { on: { pointerenter: () => tell(at), pointerleave: () => tell(null) } },
      svg('rect', { class: 'room', x: AXIS + at * step, y: 0, width: step, height }), parts,
      at % every === 0 && svg('text', { ...placed(x + (step * (1 - GAP)) / 2, width), y: height - 6 }, label));
  };
  return svg('svg', {
    width, height, viewBox: `0 0 ${width} ${height}`, role: 'img',
    'aria-label': `${series.map(({ title }) => title).join(', ')}: ${labels.length} columns; the button Table shows them`,
  }, lines, labels.map(column));
}

/** A label under the middle of its column, as far as there is room for it. */
const placed = (x, width) => (x + LABEL / 2 > width ? { x: width, 'text-anchor': 'end' } : { x, 'text-anchor': 'middle' });

/** The next round number: 1, 2, 4, 10, 20 ... so that its half is one, too. */
function nice(value) {
  const power = 10 ** Math.floor(Math.log10(Math.max(1, value)));
  return [1, 2, 4, 6, 10].map((one) => one * power).find((one) => one >= value) ?? value;
}
