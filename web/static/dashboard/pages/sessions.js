// Single sessions: a list by filters, page by page, and what happened in one of them.

import { get, post } from '../core/api.js';
import { el } from '../core/dom.js';
import { shown } from '../core/dimensions.js';
import { clock, money, number, seconds } from '../core/format.js';
import { FIELDS, OPERATORS } from '../core/state.js';
import { badge, facts, when } from '../parts/facts.js';
import { happenings } from '../parts/happenings.js';
import { beginsAnew, paging } from '../parts/paging.js';
import { table } from '../parts/table.js';
import { start } from '../shell/shell.js';

const ORDERS = { latest: 'Latest first', oldest: 'Oldest first', longest: 'Longest first', most_page_views: 'Most page views first' };
/** What the list can be filtered by, each by one value. */
const KNOWN = new Set(['channel', 'source', 'medium', 'campaign', 'referrer_host', 'entry_path', 'exit_path', 'country', 'device_class', 'browser', 'os']);
const LINES = 25;

start({
  uses: ['period', 'bots', 'filters'],
  draw(view) {
    const one = view.panel({
      title: 'One session',
      load: ({ state, site, days, signal }) => (state.own.session
        ? get(`/api/v1/sessions/${encodeURIComponent(state.own.session)}`, { site: site.id, ...days }, { signal }) : null),
      draw: (body, data, context) => data && session(body, data, context),
    });
    view.watch(({ own }) => { one.element.hidden = !own.session; });
    beginsAnew(view, 'after');
    view.panel({ title: 'Sessions', load: list, draw: sessions });
  },
});

function list({ site, days, bots, state, signal }) {
  const { applied } = split(state.filters);
  const filters = applied.map(({ field, value }) => ({ field, value }));
  if (state.own.who) filters.push({ field: 'user_id', value: state.own.who });
  return post('/api/v1/sessions/query', {
    site: site.id, ...days, bots, filters, limit: LINES,
    order: state.own.order || undefined, cursor: state.own.after || undefined,
  }, { signal });
}

/** The chips that the list knows, and those that it does not: it compares with one value of a field. */
function split(filters) {
  const knows = ({ field, op }) => op === 'is' && KNOWN.has(field) && filters.filter((one) => one.field === field).length === 1;
  return { applied: filters.filter(knows), others: filters.filter((one) => !knows(one)) };
}

function sessions(body, { sessions: rows, next_cursor: next }, { site, state, view }) {
  const { others } = split(state.filters);
  body.append(asking(view));
  for (const { field, op, value } of others) {
    body.append(el('p', { class: 'small' }, badge('Not applied', 'warn'),
      ` ${FIELDS[field] ?? field} ${OPERATORS[op]} ${shown(field, value)}: this list filters by one value each of channel, source, entry and exit page, country and device.`));
  }
  if (!rows.length) {
    body.append(el('div', { class: 'nothing' }, el('p', {}, 'No session passes. Take a filter away, or choose other days.')));
    return;
  }
  body.append(table({
    caption: 'Sessions',
    columns: [
      { title: 'Began', value: ({ started_at: at }) => at, show: (at) => when(at, site.timezone) },
      { title: 'Duration', isNumber: true, value: (row) => row.duration_s, show: seconds },
      { title: 'Pages', isNumber: true, value: (row) => row.page_views, show: number },
      { title: 'Events', isNumber: true, value: (row) => row.events, show: number },
      { title: 'Entry page', value: (row) => row.entry_path || '–' },
      { title: 'Exit page', value: (row) => row.exit_path || '–' },
      { title: 'Source', value: (row) => shown('source', row.source) },
      { title: 'Country', value: (row) => shown('country', row.country) },
      { title: 'Device', value: (row) => shown('device_class', row.device_class) },
      { title: 'Marks', value: (row) => row, show: (row) => el('span', { class: 'marks' }, marks(row)) },
    ],
    rows,
    onRow: ({ session_id: id }) => {
      view.setOwn({ session: id });
      view.main.scrollIntoView();
    },
  }));
  paging(body, { view, own: 'after', next });
}

const marks = ({ is_bot: isBot, is_bounce: isBounce, conversions, revenue }) => [
  isBot && badge('Bot', 'warn'),
  isBounce && badge('Bounce'),
  conversions > 0 && badge(`${number(conversions)} ${conversions === 1 ? 'conversion' : 'conversions'}`, 'good'),
  revenue > 0 && badge(money(revenue), 'good'),
];

function asking(view) {
  const { own } = view.state;
  const order = el('select', { 'aria-label': 'Order', on: { change: () => view.setOwn({ order: order.value === 'latest' ? '' : order.value, after: '' }) } },
    Object.entries(ORDERS).map(([value, title]) => el('option', { value, selected: value === (own.order || 'latest') }, title)));
  const who = el('input', { type: 'search', name: 'who', 'aria-label': 'User or visitor id', placeholder: 'User or visitor id', value: own.who ?? '', maxlength: 256 });
  return el('form', {
    class: 'actions',
    on: {
      submit: (event) => {
        event.preventDefault();
        view.setOwn({ who: who.value.trim(), after: '' });
      },
    },
  }, order, who, el('button', {}, 'Find'));
}

function session(body, { session: one, events, is_cut: isCut }, { site, state, view }) {
  const person = one.user_id || one.visitor_id;
  const mark = marks(one);
  facts(body, [
    ['Began', clock(one.started_at, site.timezone)],
    ['Ended', clock(one.ended_at, site.timezone)],
    ['Duration', seconds(one.duration_s)],
    ['Pages, events', `${number(one.page_views)}, ${number(one.events)}`],
    ['Entry page', one.entry_path],
    ['Exit page', one.exit_path],
    ['Came from', [one.channel, one.source, one.medium, one.campaign].filter(Boolean).join(' · ')],
    ['Country', shown('country', one.country)],
    ['Device', [one.device_class, one.browser, one.os].filter(Boolean).join(', ')],
    [one.user_id ? 'User' : 'Visitor', el('a', { href: `/users${personSearch(state, person)}` }, person)],
    ['Marks', mark.some(Boolean) ? el('span', { class: 'marks' }, mark) : 'None'],
  ]);
  body.append(el('p', { class: 'muted small' }, `Times of ${site.timezone}; behind each, how long after the beginning.`));
  happenings(body, events, { zone: site.timezone, from: one.started_at });
  if (isCut) body.append(el('p', {}, `The first ${number(events.length)} of ${number(one.events)} events.`));
  body.append(el('p', { class: 'actions' }, el('button', { type: 'button', on: { click: () => view.setOwn({ session: '' }) } }, 'Close')));
}

/** The address of a person with the same site and days. */
function personSearch(state, person) {
  const said = new URLSearchParams(location.search);
  for (const name of Object.keys(state.own)) said.delete(name);
  said.set('person', person);
  return `?${said}`;
}
