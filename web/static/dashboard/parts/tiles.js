// Headline figures with their change and how they went.

import { el } from '../core/dom.js';
import { change } from '../core/format.js';
import { spark } from './spark.js';

/**
 * `all`: [{ id, title, value, show, before, change, values, isGoodDown, hint }]. `chosen` is the id of the one that the
 * chart shows; `choose(id)` is called for another. Without `choose` they are plain.
 */
export function tiles(place, all, { chosen, choose } = {}) {
  place.append(el('div', { class: 'tiles' }, all.map((one) => {
    const inside = [
      el('span', { class: 'name' }, one.title),
      el('span', { class: 'value' }, one.show(one.value)),
      changed(one),
      one.values && one.values.length > 1 && spark(one.values),
    ];
    if (!choose) return el('div', { class: 'tile', title: one.hint }, inside);
    return el('button', {
      type: 'button', class: 'tile', title: one.hint, 'aria-pressed': String(one.id === chosen), 'data-metric': one.id,
      on: { click: () => choose(one.id) },
    }, inside);
  })));
}

function changed({ before, change: by, show, isGoodDown }) {
  if (before === undefined) return null;
  if (by === null || by === undefined) return el('span', { class: 'change muted' }, `before: ${show(before)}`);
  const isGood = isGoodDown ? by < 0 : by > 0;
  const kind = Math.abs(by) < 0.005 ? 'muted' : isGood ? 'good' : 'bad';
  return el('span', { class: `change ${kind}`, title: `Before: ${show(before)}` }, `${by > 0 ? '▲' : by < 0 ? '▼' : ''} ${change(by)}`);
}
