// Events as a person reads them, one after the other.

import { el } from '../core/dom.js';
import { money, seconds, words } from '../core/format.js';
import { badge } from './facts.js';

/** What an event is called: an own event by its name, any other by its type. */
export const called = ({ event_type: type, name }) => words((name || type).replace(/^\$/, ''));

/** `events`: [{ at, event_type, name, path, title, ... }] in the order in which they are shown; times by `zone`. */
export function happenings(place, events, { zone, from, hasDay }) {
  const time = new Intl.DateTimeFormat('en', { ...(hasDay && { day: 'numeric', month: 'short' }), hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23', timeZone: zone });
  place.append(el('ol', { class: 'happenings' }, events.map((event) => el('li', { 'data-event': event.name || event.event_type },
    el('time', { datetime: event.at, class: 'muted small' }, time.format(new Date(event.at)),
      from && el('span', {}, ` +${seconds((new Date(event.at) - new Date(from)) / 1000)}`)),
    el('span', {}, el('strong', {}, called(event)), ' ', el('span', {}, event.path), ' ',
      event.title && el('span', { class: 'muted' }, event.title)),
    el('span', { class: 'marks' }, marks(event))))));
}

function marks({ is_conversion: isConversion, goal, revenue, engaged_s: engaged, scroll_depth: depth, element, bot_reasons: reasons = [] }) {
  return [
    isConversion && badge(goal ? `Conversion: ${goal}` : 'Conversion', 'good'),
    revenue > 0 && badge(money(revenue), 'good'),
    element && el('code', { class: 'small' }, element),
    engaged > 0 && el('span', { class: 'muted small' }, `engaged ${seconds(engaged)}`),
    depth > 0 && el('span', { class: 'muted small' }, `scrolled ${depth}%`),
    ...reasons.map((reason) => badge(words(reason), 'warn')),
  ];
}
