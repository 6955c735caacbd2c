// Retention: who comes back, how the visitors of a time are made up, and how pages and events are taken up.

import { get, post } from '../core/api.js';
import { shown } from '../core/dimensions.js';
import { decimal, moment, number, percent } from '../core/format.js';
import { FIELDS } from '../core/state.js';
import { choices, chosen } from '../parts/choices.js';
import { columns } from '../parts/columns.js';
import { grid } from '../parts/grid.js';
import { table } from '../parts/table.js';
import { start } from '../shell/shell.js';

const CADENCES = { day: 'Day', week: 'Week', month: 'Month' };
const BY = { visitor: 'Visitors', person: 'Persons, where they are known' };
const MEASURES = { exact: 'In that interval itself', rolling: 'In that interval or any later one' };
const COMPARED = ['channel', 'device_class', 'country'];
/** What is chosen, in the address. */
const CHOICES = [
  { name: 'unit', label: 'Cohorts by', options: CADENCES, usual: 'week' },
  { name: 'by', label: 'Who is counted', options: BY, usual: 'visitor' },
  { name: 'measure', label: 'Came back', options: MEASURES, usual: 'exact' },
];
/** Intervals after the first, as many as can be read beside each other. */
const INTERVALS = { day: 14, week: 12, month: 12 };
const SHOW = [{ id: 'shares', title: 'Shares' }, { id: 'counts', title: 'Numbers' }];
const FEATURES = 8;
const PARTS = [
  { name: 'new', title: 'New' },
  { name: 'returning', title: 'Returning' },
  { name: 'resurrected', title: 'Back after a pause' },
  { name: 'newly_dormant', title: 'Stopped coming', isBelow: true },
];

start({
  uses: ['period', 'bots', 'filters'],
  draw(view) {
    choices(view, CHOICES);
    cohorts(view);
    compared(view);
    lifecycle(view);
    adoption(view);
  },
});

function question({ site, days, bots, filter, state }) {
  const { unit: interval, by } = chosen(state, CHOICES);
  return { site: site.id, ...days, bots, filter, interval, by };
}

function retention(context, more = {}) {
  const { unit: interval, measure } = chosen(context.state, CHOICES);
  return get('/api/v1/retention', { ...question(context), measure, intervals: INTERVALS[interval], ...more }, context);
}

function cohorts(view) {
  view.panel({
    title: 'Who comes back',
    note: 'A cohort is everybody whose first visit was in that time. Column 0 is that time itself.',
    tabs: SHOW,
    load: (context) => retention(context),
    isEmpty: ({ total }) => !total.size,
    nothing: 'Nobody came for the first time in this period. Choose a longer one.',
    draw: (body, { interval, total, cohorts: all }, { tab, site }) => grid(body, {
      label: 'First visit',
      unit: CADENCES[interval],
      asCounts: tab === 'counts',
      rows: [
        { ...total, title: 'All', of: total.eligible, isTotal: true },
        ...all.filter(({ size }) => size).map((row) => ({ ...row, title: moment(row.at, site.timezone), of: row.shares.map(() => row.size) })),
      ],
    }),
  });
}

function compared(view) {
  view.panel({
    title: 'Compared',
    note: 'By what was so at the first visit.',
    tabs: COMPARED.map((id) => ({ id, title: FIELDS[id] })),
    load: (context) => retention(context, { dimension: context.tab, limit: 8 }),
    isEmpty: ({ groups }) => !groups.length,
    draw: (body, { interval, groups }, { tab }) => grid(body, {
      label: FIELDS[tab],
      unit: CADENCES[interval],
      rows: groups.map((row) => ({ ...row, title: row.value === null ? 'Others' : shown(tab, row.value), of: row.eligible })),
    }),
  });
}

function lifecycle(view) {
  view.panel({
    title: 'Lifecycle',
    note: 'New: the first time. Returning: also in the time before. Back after a pause: earlier, but not in the time before.',
    load: (context) => get('/api/v1/lifecycle', question(context), context),
    isEmpty: ({ rows }) => !rows.some(({ active, dormant }) => active || dormant),
    draw: (body, { rows }, { site }) => columns(body, {
      labels: rows.map(({ at }) => moment(at, site.timezone)),
      series: PARTS.map((part) => ({ ...part, values: rows.map((row) => row[part.name]) })),
      show: number,
      height: 260,
    }),
    rows: ({ rows }, { site }) => ({
      caption: 'Lifecycle of visitors',
      columns: [
        { title: 'Begins', value: ({ at }) => moment(at, site.timezone) },
        { title: 'Active', isNumber: true, value: ({ active }) => active, show: number },
        ...PARTS.map(({ name, title }) => ({ title, isNumber: true, value: (row) => row[name], show: number })),
        { title: 'Came earlier, not now', isNumber: true, value: ({ dormant }) => dormant, show: number },
      ],
      rows,
    }),
  });
}

const dash = (show) => (value) => (value === null ? '–' : show(value));

function adoption(view) {
  view.panel({
    title: 'How it is taken up',
    note: 'The pages or events that most visitors use. Daily of monthly: of those who used it in 30 days, how many did on a day.',
    tabs: [{ id: 'event', title: 'Events' }, { id: 'page', title: 'Pages' }],
    load: (context) => features(context),
    isEmpty: (rows) => !rows.length,
    nothing: 'Nothing was used in this period. Events of your own show here as soon as they are sent.',
    draw: (body, rows) => body.append(table({
      caption: 'How pages and events are taken up',
      columns: [
        { title: 'Used', value: ({ feature }) => feature },
        ...[['users', 'Users', number, ({ total }) => total.users], ['share', 'Of the active', percent, ({ total }) => total.share],
          ['adopters', 'For the first time', number, ({ adopters }) => adopters],
          ['days', 'Days until then (median)', dash(decimal), ({ days_to_first_use: spread }) => spread.p50],
          ['uses', 'Times per user', decimal, ({ uses_per_user: uses }) => uses],
          ['weekly', 'Daily of weekly', percent, ({ dau_wau: ratio }) => ratio], ['monthly', 'Daily of monthly', percent, ({ dau_mau: ratio }) => ratio]]
          .map(([, title, show, value]) => ({ title, isNumber: true, value, show })),
      ],
      rows,
    })),
  });
}

/** What most visitors used, with how it was taken up. */
async function features(context) {
  const { site, days, bots, filter, signal, tab } = context;
  const field = tab === 'page' ? 'path' : 'name';
  const { rows } = await post('/api/v1/query', {
    site: site.id, ...days, bots, filter, metrics: ['visitors'], dimensions: [field], order: { by: 'visitors' }, limit: 3 * FEATURES,
  }, { signal });
  // What the script sends by itself is nothing that somebody uses.
  const names = rows.map(({ dimensions }) => dimensions[field])
    .filter((name) => name && !['$page_leave', '$web_vitals', '$exposure', '$identify', '$alias'].includes(name));
  return Promise.all(names.slice(0, FEATURES).map(async (feature) => ({
    ...await get('/api/v1/adoption', { ...question(context), [tab]: feature }, { signal }), feature,
  })));
}
