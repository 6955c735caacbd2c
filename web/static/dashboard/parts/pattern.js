// Which events are meant, as a form and in words: a page, pages by an expression, an event; and what else they have to be.

import { post } from '../core/api.js';
import { el } from '../core/dom.js';
import { conditions, said } from './conditions.js';

const KINDS = { page: 'Page', page_matches: 'Pages matching', event: 'Event' };
const FIELDS = {
  'property.': 'A property: property.<name>', host: 'Host', path: 'Path', title: 'Title', goal: 'Goal', currency: 'Currency', event_type: 'Type',
};
const PLACEHOLDERS = { page: '/products/* (* is any text)', page_matches: '^/(de|en)/cart$', event: '$purchase' };
const PROPOSED = 100;

/** The pages and events that a site had lately, as lists that inputs can propose (ids `known-pages`, `known-events`). */
export async function proposals(site) {
  const ask = (field) => post('/api/v1/query', {
    site: site.id, metrics: ['visitors'], dimensions: [field], order: { by: 'visitors' }, limit: PROPOSED,
  });
  const [pages, events] = await Promise.all([ask('path'), ask('name')]);
  const list = (id, { rows }, field) => {
    document.getElementById(id)?.remove();
    document.body.append(el('datalist', { id }, rows.map(({ dimensions }) => dimensions[field]).filter(Boolean).map((value) => el('option', { value }))));
  };
  list('known-pages', pages, 'path');
  list('known-events', events, 'name');
}

/** An editor of a pattern; `what` names it for who listens. `value()`: the pattern; `isFilled()`: whether it means any event. */
export function pattern(given, what) {
  const first = Object.keys(KINDS).find((kind) => given[kind]) ?? (given.filter ? '' : 'page');
  const kind = el('select', { 'aria-label': `Kind: ${what}` },
    Object.entries({ ...KINDS, '': 'Any event' }).map(([name, title]) => el('option', { value: name, selected: name === first }, title)));
  const named = el('input', { value: given[first] ?? '', maxlength: 1024, 'aria-label': `Page or event: ${what}` });
  const more = conditions(given.filter, { fields: FIELDS, what });
  const fit = () => {
    named.hidden = !kind.value;
    named.placeholder = PLACEHOLDERS[kind.value] ?? '';
    named.setAttribute('list', { page: 'known-pages', event: 'known-events' }[kind.value] ?? '');
  };
  kind.addEventListener('change', fit);
  fit();
  const value = () => {
    const filter = more.value();
    return { ...(kind.value && named.value.trim() ? { [kind.value]: named.value.trim() } : {}), ...(filter ? { filter } : {}) };
  };
  return {
    element: el('div', { class: 'pattern' }, el('div', { class: 'line' }, kind, named), more.element),
    focus: () => named.focus(),
    value,
    isFilled: () => Object.keys(value()).length > 0,
  };
}

/** A pattern in words: Page /products/*, where plan is pro. */
export function meaning({ page, page_matches: matches, event, filter }) {
  const what = page ? `Page ${page}` : matches ? `Pages matching ${matches}` : event ? `Event ${event}` : 'Any event';
  return filter ? `${what}, where ${said(filter)}` : what;
}

/** What it is called where nobody gave it a name. */
export const nameOf = (one) => one.page || one.event || one.page_matches || said(one.filter) || 'Any event';
