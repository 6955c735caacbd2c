// The one page that answers at a glance: seven figures, how they went, and where they come from.

import { get, post } from '../core/api.js';
import { el } from '../core/dom.js';
import { shown } from '../core/dimensions.js';
import { compact, moment, money, number, percent, seconds } from '../core/format.js';
import { FIELDS, searchOf } from '../core/state.js';
import { bars } from '../parts/bars.js';
import { chart } from '../parts/chart.js';
import { map } from '../parts/map.js';
import { tiles } from '../parts/tiles.js';
import { start } from '../shell/shell.js';

const METRICS = [
  { id: 'visitors', title: 'Visitors', show: compact },
  { id: 'sessions', title: 'Sessions', show: compact },
  { id: 'page_views', title: 'Page views', show: compact },
  { id: 'bounce_rate', title: 'Bounce rate', show: percent, isGoodDown: true, hint: 'Sessions of one page view, without a click, under 10 s' },
  { id: 'session_duration_s', title: 'Session duration', show: seconds },
  { id: 'conversion_rate', title: 'Conversion rate', show: percent, hint: 'Sessions with a conversion' },
  { id: 'revenue', title: 'Revenue', show: (value) => money(value) },
];
const ROWS = 9;
/** Events that are no conversion are many, and not shown. */
const CONVERTED = { op: 'is', field: 'is_conversion', value: '1' };

start({
  uses: ['period', 'compare', 'interval', 'bots', 'filters'],
  draw(view) {
    view.panel({
      title: 'Headline figures',
      load: ({ signal, state, ...context }) =>
        question(context, { metrics: METRICS.map(({ id }) => id), interval: context.interval, compare: state.compare || undefined }, signal),
      isEmpty: ({ totals }) => !totals.metrics.sessions && !totals.before?.sessions,
      nothing: 'Nobody came in this period, or nothing passes the filters.',
      draw: headline,
      rows: ({ rows }, { site }) => ({
        caption: 'Figures over time',
        columns: [
          { title: 'Time', value: ({ at }) => moment(at, site.timezone) },
          ...METRICS.map(({ id, title, show }) => ({ title, isNumber: true, value: ({ metrics }) => metrics[id], show })),
        ],
        rows,
      }),
    });
    breakdown(view, 'Sources', ['channel', 'source', 'campaign', 'referrer_host'], ['visitors', 'conversion_rate']);
    breakdown(view, 'Pages', ['path', 'entry_path', 'exit_path'], ['visitors', 'page_views'], { path: pages });
    countries(view);
    breakdown(view, 'Devices', ['device_class', 'browser', 'os'], ['visitors', 'conversion_rate']);
    goals(view);
  },
});

/** The answer of the one query model, with what the page is about. */
function question({ site, days, filter, bots }, asked, signal) {
  return post('/api/v1/query', { site: site.id, ...days, bots, filter, ...asked }, { signal });
}

function headline(body, { totals, rows }, { state, site, view }) {
  const chosen = METRICS.find(({ id }) => id === state.own.metric) ?? METRICS[0];
  tiles(body, METRICS.map((one) => ({
    ...one,
    value: totals.metrics[one.id],
    before: totals.before?.[one.id],
    change: totals.change?.[one.id],
    values: rows.map(({ metrics }) => metrics[one.id]),
  })), { chosen: chosen.id, choose: (metric) => view.setOwn({ metric: metric === METRICS[0].id ? '' : metric }) });
  const series = [{ title: chosen.title, values: rows.map(({ metrics }) => metrics[chosen.id]), show: chosen.show }];
  if (totals.before) {
    series.push({ title: 'Before', isBefore: true, values: rows.map(({ before }) => before?.[chosen.id] ?? null), show: chosen.show });
  }
  chart(body, { labels: rows.map(({ at }) => moment(at, site.timezone)), series });
}

/** Without a filter the gold of pages tells which are viewed most: of all sessions that is a long question. */
async function pages({ site, days, bots }, signal) {
  const { pages: rows, ...answer } = await get('/api/v1/pages', { site: site.id, ...days, bots, limit: ROWS }, { signal });
  return { ...answer, rows: rows.map(({ path, ...metrics }) => ({ dimensions: { path }, metrics })) };
}

/** A panel of the top values of a field; the tabs choose which. `unfiltered`: what answers a field without a filter. */
function breakdown(view, title, fields, metrics, unfiltered = {}) {
  const [first, second] = metrics.map((id) => METRICS.find((one) => one.id === id));
  view.panel({
    title,
    size: 'half',
    tabs: fields.map((id) => ({ id, title: FIELDS[id] })),
    load: ({ signal, tab, ...context }) => (unfiltered[tab] && !context.filter
      ? unfiltered[tab](context, signal)
      : question(context, { metrics, dimensions: [tab], order: { by: first.id }, limit: ROWS }, signal)),
    isEmpty: ({ rows }) => !rows.length,
    draw: (body, { rows, totals, next_cursor: more }, { tab }) => bars(body, {
      label: FIELDS[tab],
      columns: [first.title, second.title],
      rows: rows.map(({ dimensions, metrics: found }) => ({
        key: dimensions[tab], title: shown(tab, dimensions[tab]), value: found[first.id],
        cells: [`${number(found[first.id])}`, second.show(found[second.id])],
      })),
      choose: (value) => view.filter(tab, value),
      more: more && (totals
        ? `The first ${ROWS}, of ${number(totals.metrics[first.id])} ${first.title.toLowerCase()} in all`
        : `The first ${ROWS} by page views`),
    }),
  });
}

function countries(view) {
  view.panel({
    title: 'Countries',
    size: 'half',
    tabs: [{ id: 'map', title: 'Map' }, { id: 'list', title: 'List' }],
    load: ({ signal, ...context }) =>
      question(context, { metrics: ['visitors', 'sessions'], dimensions: ['country'], order: { by: 'visitors' }, limit: 250 }, signal),
    isEmpty: ({ rows }) => !rows.length,
    draw: (body, { rows }, { tab }) => (tab === 'map'
      ? map(body, {
        values: Object.fromEntries(rows.map(({ dimensions, metrics }) => [dimensions.country, metrics.visitors])),
        show: (value) => `${number(value)} visitors`,
        choose: (code) => view.filter('country', code),
      })
      : bars(body, {
        label: 'Country',
        columns: ['Visitors', 'Sessions'],
        rows: rows.slice(0, ROWS).map(({ dimensions: { country }, metrics }) => ({
          key: country, title: shown('country', country), value: metrics.visitors,
          cells: [number(metrics.visitors), number(metrics.sessions)],
        })),
        choose: (value) => view.filter('country', value),
      })),
  });
}

function goals(view) {
  view.panel({
    title: 'Conversions',
    load: ({ signal, filter, ...context }) => question(
      { ...context, filter: filter ? { op: 'and', filters: [filter, CONVERTED] } : CONVERTED },
      { metrics: ['conversions', 'visitors', 'revenue'], dimensions: ['goal'], order: { by: 'conversions' }, limit: ROWS },
      signal,
    ),
    isEmpty: ({ rows }) => !rows.some(({ metrics }) => metrics.conversions),
    nothing: 'No conversion in this period.',
    draw: (body, { rows }) => {
      bars(body, {
        label: 'Conversion',
        columns: ['Times', 'Visitors', 'Revenue'],
        rows: rows.filter(({ metrics }) => metrics.conversions).map(({ dimensions: { goal }, metrics }) => ({
          key: goal, title: goal, value: metrics.conversions,
          cells: [number(metrics.conversions), number(metrics.visitors), money(metrics.revenue)],
        })),
        choose: (value) => view.filter('goal', value),
      });
      body.append(el('p', { class: 'small' }, el('a', { href: `/goals${searchOf({ ...view.state, own: {} })}` }, 'Goals and revenue')));
    },
  });
}
