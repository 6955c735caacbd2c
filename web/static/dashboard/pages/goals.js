// Goals: what visitors shall reach, how often they do, who they are, and what it brings.

import { get, post, put, remove } from '../core/api.js';
import { shown } from '../core/dimensions.js';
import { el } from '../core/dom.js';
import { money, moment, number, percent } from '../core/format.js';
import { FIELDS } from '../core/state.js';
import { bars } from '../parts/bars.js';
import { chart } from '../parts/chart.js';
import { openDialog } from '../parts/dialog.js';
import { meaning, nameOf, pattern, proposals } from '../parts/pattern.js';
import { table } from '../parts/table.js';
import { tiles } from '../parts/tiles.js';
import { start, viewer } from '../shell/shell.js';

const BY = ['channel', 'source', 'campaign', 'entry_path', 'country', 'device_class', 'browser'];
const ROWS = 9;
/** Longer than an answer about days that still go on is kept, by the server and the browser. */
const KEPT_MS = 25_000;
const NONE = 'Make a goal above; its figures show here.';

start({
  uses: ['period', 'interval', 'bots', 'filters'],
  draw(view) {
    all(view);
    headline(view);
    breakdown(view);
    trend(view);
  },
});

async function listed({ site, signal }) {
  const { definitions } = await get('/api/v1/goals', { site: site.id }, { signal });
  return definitions;
}

async function chosen(context) {
  const goals = await listed(context);
  return goals.find(({ id }) => id === context.state.own.goal) ?? goals[0] ?? null;
}

function conversions({ site, days, bots, filter, signal }, id, more = {}) {
  return get(`/api/v1/goals/${encodeURIComponent(id)}/conversions`,
    { site: site.id, ...days, bots, filter, ...more }, { signal });
}

/** The figures of the goal that is chosen; null where there is none. */
async function figures(context, more = {}) {
  const goal = await chosen(context);
  return goal && { ...await conversions(context, goal.id, more), definition: goal.definition, title: goal.definition.title };
}

function all(view) {
  view.panel({
    title: 'Your goals',
    note: 'A goal is a page or an event that is worth something to you. Choose one to see more of it.',
    load: async (context) => {
      const [goals, now] = await Promise.all([listed(context), chosen(context)]);
      const answers = await Promise.all(goals.map(({ id }) => conversions(context, id)));
      return { now, layer: answers[0]?.layer, goals: goals.map((goal, at) => ({ ...answers[at], ...goal, title: goal.definition.title })) };
    },
    draw: (body, { goals, now }) => {
      if (goals.length) body.append(listing(view, goals, now));
      else body.append(el('div', { class: 'nothing' }, el('p', {}, viewer.canWrite
        ? 'No goal yet. Make one: an order, a sign-up, a page that somebody shall reach.'
        : 'No goal yet. Somebody who may change this site can make one.')));
      if (viewer.canWrite) body.append(el('p', { class: 'actions' }, el('button', { type: 'button', on: { click: () => ask(view) } }, '+ New goal')));
    },
  });
}

function listing(view, goals, now) {
  const figure = (title, name, show) => ({ title, isNumber: true, value: ({ total }) => total[name], show });
  return table({
    caption: 'Goals',
    columns: [
      { title: 'Goal', value: ({ title }) => title, show: (title, { id }) => (id === now?.id ? `${title} (shown below)` : title) },
      { title: 'Reached by', value: ({ definition }) => meaning(definition) },
      figure('Conversions', 'conversions', number),
      figure('Of sessions', 'conversion_rate', percent),
      figure('Of visitors', 'visitor_conversion_rate', percent),
      { title: 'Revenue', isNumber: true, value: ({ total }) => total.revenue, show: (value, { currency }) => money(value, currency) },
      ...(viewer.canWrite ? [{ title: '', value: (goal) => goal, show: (goal) => changes(view, goal) }] : []),
    ],
    rows: goals,
    onRow: ({ id }) => view.setOwn({ goal: id }),
  });
}

function changes(view, goal) {
  const button = (title, take) => el('button', { type: 'button', class: 'quiet small', 'aria-label': `${title} ${goal.title}`, on: { click: take } }, title);
  if (!goal.version) return el('span', { class: 'muted small' }, 'from faust.yml');
  return el('span', { class: 'both' }, button('Change', () => ask(view, goal)), button('Delete', () => askDelete(view, goal)));
}

/** The form of a goal: a new one, or what one is to be. */
function ask(view, goal) {
  const { site } = view.state;
  proposals(site).catch(() => {});
  const given = goal?.definition ?? {};
  const title = el('input', { name: 'title', value: given.title ?? '', maxlength: 256, placeholder: 'Order' });
  const meant = pattern(given, 'goal');
  const worth = el('input', { name: 'value', type: 'number', min: 0, step: 'any', value: given.value ?? '', placeholder: 'the revenue of the event' });
  const currency = el('input', { name: 'currency', value: given.currency ?? '', maxlength: 3, pattern: '[A-Z]{3}', placeholder: 'EUR' });
  openDialog(goal ? `Change ${goal.title}` : 'New goal', [
    el('label', {}, 'Name', title),
    el('div', { class: 'builder' }, el('p', { class: 'muted small' }, 'Reached by'), meant.element),
    el('label', {}, 'What each is worth', worth),
    el('label', {}, 'In which currency, where it is worth something', currency),
  ], {
    action: 'Store',
    take: async () => {
      const definition = {
        title: title.value.trim() || nameOf(meant.value()).slice(0, 256),
        ...meant.value(),
        ...(worth.value === '' ? {} : { value: Number(worth.value), currency: currency.value }),
      };
      const made = goal
        ? await put(`/api/v1/goals/${encodeURIComponent(goal.id)}?site=${site.id}`, definition)
        : await post(`/api/v1/goals?site=${site.id}`, definition);
      view.setOwn({ goal: made.id });
      view.refresh();
      // Figures of the definition before may have been kept; they are asked again when they no longer can be.
      if (goal) setTimeout(() => view.refresh(), KEPT_MS);
    },
  });
}

function askDelete(view, { id, title }) {
  openDialog(`Delete ${title}?`, [el('p', {}, 'What was counted stays in the tables; the goal is no longer asked for. Its versions stay in the history of the API.')], {
    action: 'Delete',
    isDanger: true,
    take: async () => {
      await remove(`/api/v1/goals/${encodeURIComponent(id)}?site=${view.state.site.id}`);
      view.setOwn({ goal: '' });
      view.refresh();
    },
  });
}

function headline(view) {
  view.panel({
    title: 'The goal',
    load: (context) => figures(context),
    isEmpty: (data) => !data,
    nothing: NONE,
    draw: (body, { title, definition, total, currency }) => {
      body.append(el('p', {}, el('strong', {}, title), ' ', el('span', { class: 'muted' }, meaning(definition))));
      tiles(body, [
        { title: 'Conversions', value: total.conversions, show: number },
        { title: 'Sessions with one', value: total.converted_sessions, show: number },
        { title: 'Of all sessions', value: total.conversion_rate, show: percent },
        { title: 'Visitors with one', value: total.converted_visitors, show: number },
        { title: 'Revenue', value: total.revenue, show: (value) => money(value, currency) },
        { title: 'Average order', value: total.average_order_value, show: (value) => (value === null ? '–' : money(value, currency)) },
      ]);
      const left = Object.entries(total.unconverted);
      if (left.length) {
        body.append(el('p', { class: 'muted small' },
          `Not in it, as there is no rate for it: ${left.map(([name, amount]) => money(amount, name)).join(', ')}.`));
      }
    },
  });
}

function breakdown(view) {
  view.panel({
    title: 'Who converts',
    size: 'half',
    tabs: BY.map((id) => ({ id, title: FIELDS[id] })),
    load: (context) => figures(context, { breakdown: context.tab, limit: ROWS }),
    isEmpty: (data) => !data?.total.sessions,
    nothing: 'Nobody came in this period.',
    draw: (body, { breakdown: rows, currency }, { tab }) => bars(body, {
      label: FIELDS[tab],
      columns: ['Times', 'Rate', 'Revenue'],
      rows: rows.map((row) => ({
        key: row.value, title: shown(tab, row.value), value: row.conversions,
        cells: [number(row.conversions), percent(row.conversion_rate), money(row.revenue, currency)],
      })),
      choose: (value) => view.filter(tab, value),
    }),
  });
}

/** The events of a goal as a filter of the query model, which has the series. */
function filterOfGoal({ page, page_matches: matches, event, filter }) {
  const parts = [];
  const isView = { op: 'is', field: 'event_type', value: 'page_view' };
  if (matches) parts.push(isView, { op: 'matches', field: 'path', value: matches });
  else if (page?.includes('*')) parts.push(isView, { op: 'matches', field: 'path', value: expressionOf(page) });
  else if (page) parts.push(isView, { op: 'is', field: 'path', value: page });
  else if (event) parts.push({ op: 'is', field: 'name', value: event });
  if (filter) parts.push(filter);
  return parts;
}

/** `*` is any text; the rest is as it stands. */
const expressionOf = (page) => `^${page.split('*').map((part) => part.replace(/[.+?^${}()|[\]\\]/g, '\\$&')).join('.*')}$`;

function trend(view) {
  view.panel({
    title: 'Over time',
    note: 'By when the session began.',
    size: 'half',
    load: async (context) => {
      const goal = await chosen(context);
      if (!goal) return null;
      const { site, days, bots, filter, interval, signal } = context;
      return post('/api/v1/query', {
        site: site.id, ...days, bots, interval, metrics: ['events', 'sessions'], limit: 1000,
        filter: { op: 'and', filters: [...filterOfGoal(goal.definition), ...(filter ? [filter] : [])] },
      }, { signal });
    },
    isEmpty: (data) => !data?.rows.length,
    nothing: 'Not reached in this period.',
    draw: (body, { rows }, { site }) => chart(body, {
      labels: rows.map(({ at }) => moment(at, site.timezone)),
      series: [
        { title: 'Conversions', values: rows.map(({ metrics }) => metrics.events), show: number },
        { title: 'Sessions with one', values: rows.map(({ metrics }) => metrics.sessions), show: number },
      ],
    }),
    rows: ({ rows }, { site }) => ({
      caption: 'Conversions over time',
      columns: [
        { title: 'Time', value: ({ at }) => moment(at, site.timezone) },
        { title: 'Conversions', isNumber: true, value: ({ metrics }) => metrics.events, show: number },
        { title: 'Sessions with one', isNumber: true, value: ({ metrics }) => metrics.sessions, show: number },
      ],
      rows,
    }),
  });
}
