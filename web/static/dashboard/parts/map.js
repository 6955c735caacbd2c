// The world, each country the darker the more it has. Who cannot see it reads the list beside it.

import { el, svg, styled } from '../core/dom.js';
import { country } from '../core/format.js';

let outlines;

/** `values`: a figure by ISO code; `show(value)` says it; `choose(code)` is called when a country is chosen. */
export async function map(place, { values, show, choose }) {
  outlines ??= fetch('/static/vendor/world.json').then((answer) => answer.json());
  const world = await outlines;
  const most = Math.max(...Object.values(values), 1e-9);
  const tip = el('p', { class: 'tip small muted' }, 'Point at a country');
  const shape = (code, path) => {
    const value = values[code];
    const made = svg('path', { d: path, class: value ? 'some' : null },
      svg('title', {}, value ? `${country(code)}: ${show(value)}` : country(code)));
    // Square root, so that the small ones can be seen beside the biggest.
    if (value) styled(made, { '--share': `${(20 + 80 * Math.sqrt(value / most)).toFixed(0)}%` });
    made.addEventListener('pointerenter', () => { tip.textContent = `${country(code)}: ${value ? show(value) : 'none'}`; });
    if (value && choose) made.addEventListener('click', () => choose(code));
    return made;
  };
  place.append(svg('svg', { class: 'map', viewBox: `0 0 ${world.width} ${world.height}`, role: 'img', 'aria-label': 'Map of the world; the figures stand in the list' },
    world.others.map((path) => svg('path', { d: path })),
    Object.entries(world.countries).map(([code, path]) => shape(code, path))), tip);
}
