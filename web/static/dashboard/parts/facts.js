// Names and what they are, one under the other.

import { el } from '../core/dom.js';
import { moment } from '../core/format.js';

/** `all`: [[name, text or element]]; those without a value are left out. */
export function facts(place, all) {
  place.append(el('dl', { class: 'facts' }, all.filter(([, value]) => value !== '' && value !== null && value !== undefined)
    .map(([name, value]) => el('div', {}, el('dt', {}, name), el('dd', {}, value)))));
}

/** A mark beside a name: `kind` is '', 'good', 'bad' or 'warn'; the text says the same. */
export const badge = (text, kind = '') => el('span', { class: `badge ${kind}` }, text);

/** A time of UTC on the site's clock, in one line. */
export const when = (at, zone) => el('time', { class: 'nowrap', datetime: at }, moment(at, zone));
