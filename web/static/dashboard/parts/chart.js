// A series over time, as lines: uPlot, with our look. What it shows is also there as a table (the panel's button).

import uPlot from '../../vendor/uplot.js';
import { colour, el } from '../core/dom.js';

/** Room on the left for the figures of the axis. */
const AXIS = 56;

/**
 * `labels`: what the points are called; `series`: [{ title, values, show, isBefore }], values null where nothing is;
 * `onPoint(index)`: called when a point is chosen. Follows the width of its place.
 */
export function chart(place, { labels, series, height = 260, onPoint, tall = true }) {
  const legend = el('p', { class: 'legend' });
  const holder = el('div', {
    class: 'chart', role: 'img',
    'aria-label': `${series.map(({ title }) => title).join(', ')}: ${labels.length} points; the button Table shows them`,
  });
  place.append(legend, holder);
  const xs = labels.map((_, at) => at);
  const axis = { stroke: colour('--muted'), grid: { stroke: colour('--line'), width: 1 }, ticks: { show: false }, font: '12px system-ui' };
  const tell = (at) => {
    legend.replaceChildren(el('strong', {}, at === null ? '' : labels[at]), ...series.map((one, nth) => el('span', { class: `mark series-${nth + 1}${one.isBefore ? ' before' : ''}` },
      at === null ? one.title : `${one.title} ${one.values[at] === null ? '–' : one.show(one.values[at])}`)));
  };
  const plot = new uPlot({
    width: Math.max(200, holder.clientWidth),
    height: tall ? height : height / 2,
    padding: [8, 28, 0, 0],
    legend: { show: false },
    cursor: { y: false, drag: { x: false, y: false }, points: { size: 7 } },
    scales: { x: { time: false }, y: { range: (_, low, high) => [Math.min(0, low), high > 0 ? high * 1.08 : 1] } },
    axes: [
      { ...axis, size: 30, grid: { show: false }, values: (_, at) => at.map((one) => (Number.isInteger(one) ? labels[one] ?? '' : '')), space: 90 },
      { ...axis, size: AXIS, values: (_, values) => values.map((one) => series[0].show(one)) },
    ],
    series: [{}, ...series.map((one, nth) => ({
      label: one.title,
      stroke: colour(`--series-${nth + 1}`),
      width: one.isBefore ? 1.5 : 2,
      dash: one.isBefore ? [4, 4] : undefined,
      fill: nth === 0 && !one.isBefore ? colour('--accent-soft') : undefined,
      points: { show: labels.length < 40 && !one.isBefore, size: 5 },
    }))],
    hooks: { setCursor: [(made) => tell(made.cursor.idx ?? null)] },
  }, [xs, ...series.map(({ values }) => values)], holder);
  if (onPoint) plot.over.addEventListener('click', () => plot.cursor.idx !== null && onPoint(plot.cursor.idx));
  tell(null);
  new ResizeObserver(() => {
    if (holder.isConnected && holder.clientWidth) plot.setSize({ width: holder.clientWidth, height: plot.height });
  }).observe(holder);
}
