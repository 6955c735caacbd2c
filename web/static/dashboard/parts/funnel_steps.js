// The steps of a funnel: for each a bar as long as the share that came so far, and what was lost before it.

import { el, styled } from '../core/dom.js';
import { number, percent, seconds } from '../core/format.js';

/** `steps`: those of the answer; `meanings[n]`: what takes the n-th; `who`: what is counted. */
export function funnelSteps(place, { steps, meanings, who }) {
  place.append(el('ol', { class: 'funnel' }, steps.flatMap((step, at) => [
    at > 0 && between(step, who),
    el('li', { 'data-step': at + 1 },
      el('div', { class: 'what' }, el('strong', {}, `${at + 1}. ${step.title}`), el('span', { class: 'muted small' }, meanings[at])),
      styled(el('div', { class: 'track', 'aria-hidden': 'true' }, el('span', { class: 'came' }), el('span', { class: 'left' })),
        { '--came': `${100 * step.overall}%`, '--left': `${share(steps, at)}%` }),
      el('div', { class: 'count' }, el('strong', {}, number(step.visitors)), ' ', el('span', { class: 'muted small' }, percent(step.overall)))),
  ])));
}

/** The share of all that was lost before this step, for the paler end of its bar. */
const share = (steps, at) => (at && steps[0].visitors ? (100 * steps[at].drop_off) / steps[0].visitors : 0);

function between({ conversion, drop_off: lost, median_s: median }, who) {
  const told = [`${percent(conversion)} went on`, `${number(lost)} ${lost === 1 ? who.slice(0, -1) : who} dropped off`];
  if (median !== null) told.push(`half within ${seconds(median)}`);
  return el('li', { class: 'between muted small' }, told.join(' · '));
}
