// A Sankey diagram of steps: columns of nodes as tall as their sessions, and bands between them. Also there as a table.

import { svg } from '../core/dom.js';
import { number } from '../core/format.js';

const [COLUMN, GAP, NODE, LABEL, LEAST] = [138, 17, 8, 7.2, 1.5];
/** Room on top for what a column is called. */
const HEAD = 24;

/**
 * `nodes`: [{ step, kind, title, sessions }], in the order they are drawn in; `links`: [{ source, target, sessions }], places
 * in `nodes`; `heading(step)`; `choose(node)` is called for a node where `canChoose(node)`. Follows the width of its place.
 */
export function sankey(place, asked) {
  let width;
  const draw = () => {
    width = place.clientWidth;
    const drawn = place.querySelector('svg.sankey');
    const made = picture(asked, width);
    if (drawn) drawn.replaceWith(made);
    else place.append(made);
  };
  draw();
  new ResizeObserver(() => { if (place.isConnected && place.clientWidth !== width) draw(); }).observe(place);
}

function picture({ nodes, links, heading, choose, canChoose }, room) {
  const steps = [...new Set(nodes.map(({ step }) => step))].sort((one, other) => one - other);
  const columns = steps.map((step) => nodes.filter((one) => one.step === step));
  const width = Math.max(room, COLUMN * columns.length);
  const between = (width - NODE) / Math.max(1, columns.length);
  const height = Math.max(260, ...columns.map(({ length }) => length * 46));
  const sums = columns.map((column) => column.reduce((sum, { sessions }) => sum + sessions, 0));
  const scale = Math.min(...columns.map(({ length }, at) => (height - GAP * (length - 1)) / Math.max(1, sums[at])));
  const placed = new Map();
  columns.forEach((column, at) => {
    let y = HEAD;
    for (const one of column) {
      const tall = Math.max(LEAST, one.sessions * scale);
      placed.set(one, { x: at * between, y, tall, in: y, out: y });
      y += tall + GAP;
    }
  });
  const bands = links
    .map((link) => ({ ...link, from: nodes[link.source], to: nodes[link.target] }))
    .sort((one, other) => placed.get(one.from).y - placed.get(other.from).y || placed.get(one.to).y - placed.get(other.to).y);
  const drawnBands = bands.map((band) => bandOf(band, placed, scale));
  const letters = Math.floor((between - NODE - 10) / LABEL);
  const drawnNodes = nodes.map((one) => nodeOf(one, placed.get(one), letters, {
    choose: canChoose(one) ? () => choose(one) : null,
    point: (isOn) => drawnBands.forEach((drawn, at) => drawn.classList.toggle('on', isOn && (bands[at].from === one || bands[at].to === one))),
  }));
  const bottom = Math.max(...[...placed.values()].map(({ y, tall }) => y + tall)) + 8;
  return svg('svg', { class: 'sankey', width, height: bottom, viewBox: `0 0 ${width} ${bottom}`, role: 'group', 'aria-label': 'Flow of sessions; the button Table shows it as a list' },
    steps.map((step, at) => svg('text', { class: 'head', x: at * between, y: 13 }, heading(step))), drawnBands, drawnNodes);
}

function bandOf({ from, to, sessions }, placed, scale) {
  const [start, end] = [placed.get(from), placed.get(to)];
  const tall = Math.max(0.75, sessions * scale);
  const [x0, x1] = [start.x + NODE, end.x];
  const [y0, y1] = [start.out + tall / 2, end.in + tall / 2];
  start.out += tall;
  end.in += tall;
  const middle = (x0 + x1) / 2;
  return svg('path', { class: `band ${to.kind}`, d: `M${x0} ${y0}C${middle} ${y0} ${middle} ${y1} ${x1} ${y1}`, 'stroke-width': tall.toFixed(2) },
    svg('title', {}, `${from.title} → ${to.title}: ${number(sessions)} sessions`));
}

function nodeOf(one, { x, y, tall }, letters, { choose, point }) {
  const count = number(one.sessions);
  const on = { pointerenter: () => point(true), pointerleave: () => point(false), focus: () => point(true), blur: () => point(false) };
  if (choose) {
    on.click = choose;
    on.keydown = (event) => {
      if (event.key !== 'Enter' && event.key !== ' ') return;
      event.preventDefault();
      choose();
    };
  }
  return svg('g', {
    class: `node ${one.kind}`, tabindex: choose ? 0 : null, role: choose ? 'button' : null, 'data-name': one.name, 'data-step': one.step,
    'aria-label': choose ? `${one.title}: ${count} sessions; centre on it` : null, on,
  },
  svg('title', {}, `${one.title}: ${count} sessions`),
  svg('rect', { x, y, width: NODE, height: tall, rx: 1.5 }),
  // A space between the two and no distance: the pointer is on the node there too.
  svg('text', { x: x + NODE + 5, y: y + tall / 2 + 4 },
    svg('tspan', {}, shortened(one.title, letters - count.length - 1)), svg('tspan', { class: 'count' }, `\u00a0${count}`)));
}

/** Its two ends, where it is too long: of paths the last part tells most. */
function shortened(text, letters) {
  if (text.length <= letters) return text;
  const head = Math.max(1, Math.floor(letters / 3));
  return `${text.slice(0, head)}…${text.slice(-Math.max(2, letters - head - 1))}`;
}
