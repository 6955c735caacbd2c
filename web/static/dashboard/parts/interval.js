// An interval drawn on a line: a thick one, a thin wider one behind it, a point, and where nothing changes.

import { el, styled } from '../core/dom.js';

/** The greatest distance from 0 that is drawn, for intervals of `thick` and `thin` ({low, high}; thin may be null). */
export function reachOf(all) {
  const far = (bounds) => Math.max(0, ...bounds.filter(Boolean).flatMap(({ low, high }) => [Math.abs(low), Math.abs(high)]));
  const thick = far(all.map((one) => one.thick));
  // A sequence of few visitors is so wide that nothing else would be seen; it then runs out of the picture.
  return 1.1 * Math.max(1e-9, Math.min(Math.max(thick, far(all.map((one) => one.thin))), 2 * (thick || 1)));
}

/** `said` is what it shows, in words. */
export function interval({ point, thick, thin }, { reach, said, kind }) {
  const place = (value) => Math.max(0, Math.min(100, 50 + (50 * value) / reach));
  const bar = ({ low, high }, name) => styled(el('span', { class: name }), { '--from': `${place(low)}%`, '--to': `${100 - place(high)}%` });
  return el('span', { class: `interval ${kind ?? ''}`, role: 'img', 'aria-label': said, title: said },
    el('span', { class: 'zero' }), thin && bar(thin, 'thin'), bar(thick, 'thick'),
    styled(el('span', { class: 'point' }), { '--from': `${place(point)}%` }));
}
