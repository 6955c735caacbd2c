// The way to the next lines of a list, by the cursor that its answer gave; where one is stands in the address.

import { el } from '../core/dom.js';
import { searchOf } from '../core/state.js';

/** Buttons under a list. `own` names the cursor in the address; `next` is that of the next lines, null at the end. */
export function paging(place, { view, own, next, names = ['First', 'Next'] }) {
  const at = view.state.own[own];
  if (!at && !next) return;
  const go = (cursor) => () => view.setOwn({ [own]: cursor });
  place.append(el('p', { class: 'actions paging' },
    el('button', { type: 'button', disabled: !at, on: { click: go('') } }, names[0]),
    el('button', { type: 'button', disabled: !next, on: { click: go(next) } }, names[1])));
}

/** Begins at the first lines again when what is listed changes; `own` names the cursor in the address. */
export function beginsAnew(view, own) {
  let before;
  view.watch((state) => {
    const { site, period, from, to, bots, filters } = state;
    const listed = JSON.stringify([site.id, period, from, to, bots, filters]);
    if (before !== undefined && listed !== before && state.own[own]) {
      delete state.own[own];
      history.replaceState(null, '', searchOf(state));
    }
    before = listed;
  });
}
