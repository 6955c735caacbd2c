// How fast pages are for the people who came: web vitals by Google's thresholds, and which page got slower.

import { get } from '../core/api.js';
import { shown } from '../core/dimensions.js';
import { el } from '../core/dom.js';
import { change, decimal, milliseconds, moment, number, percent } from '../core/format.js';
import { plus } from '../core/state.js';
import { bars } from '../parts/bars.js';
import { chart } from '../parts/chart.js';
import { choices, chosen } from '../parts/choices.js';
import { spread } from '../parts/spread.js';
import { table } from '../parts/table.js';
import { start } from '../shell/shell.js';

/** `good`: the greatest value that is; `poor`: what is greater is poor (https://web.dev/articles/vitals). */
const VITALS = [
  { id: 'lcp', title: 'LCP', name: 'Largest contentful paint: until the main part is to be seen', show: milliseconds, good: 2500, poor: 4000 },
  { id: 'inp', title: 'INP', name: 'Interaction to next paint: until the page answers a click or key', show: milliseconds, good: 200, poor: 500 },
  { id: 'cls', title: 'CLS', name: 'Cumulative layout shift: how much things jump about', show: decimal, good: 0.1, poor: 0.25 },
  { id: 'fcp', title: 'FCP', name: 'First contentful paint: until anything is to be seen', show: milliseconds, good: 1800, poor: 3000 },
  { id: 'ttfb', title: 'TTFB', name: 'Time to first byte: until the server begins to answer', show: milliseconds, good: 800, poor: 1800 },
];
const LOAD = { id: 'load', title: 'Load time', show: milliseconds };
const RATINGS = {
  good: { title: 'Good', kind: 'good' }, needs_improvement: { title: 'Needs work', kind: 'warn' }, poor: { title: 'Poor', kind: 'bad' },
};
const PERCENTILES = { p75: '75th percentile', p50: 'Median', p95: '95th percentile' };
const CHOICES = [{
  name: 'least', label: 'Pages with at least', usual: '50', hint: 'Fewer measurements say little of a percentile',
  options: { 10: '10 measurements', 50: '50 measurements', 200: '200 measurements' },
}];
const ROWS = 10;
const COLUMNS = ['75th percentile', 'Rating', 'Median', '95th', 'Measured'];
const BREAKDOWNS = { device_class: 'Device', country: 'Country' };

const vitalOf = ({ own }) => VITALS.find(({ id }) => id === own.vital) ?? VITALS[0];
const asked = ({ site, bots, filter }) => ({ site: site.id, bots, filter });
const badge = (rating) => rating && el('span', { class: `badge ${RATINGS[rating].kind}` }, RATINGS[rating].title);
const shares = (measured) => Object.entries(RATINGS).map(([id, { title, kind }]) => ({ title: title.toLowerCase(), kind, share: measured[id] }));
const measureOf = (vital) => VITALS.find(({ id }) => id === vital) ?? LOAD;
const daysFrom = (since, until) => `${moment(since)} to ${moment(plus(until, -1))}`;
const spanOf = (answer) => `${daysFrom(answer.since, answer.until)} against ${daysFrom(answer.before_since, answer.before_until)}`;

start({
  uses: ['period', 'interval', 'bots', 'filters'],
  draw(view) {
    choices(view, CHOICES);
    slower(view);
    vitals(view);
    slowest(view);
    breakdown(view);
  },
});

/** The page that got slower the most, in a sentence; the others below it. */
function slower(view) {
  view.panel({
    title: 'Which page got slower this week?',
    load: ({ signal, state, days, ...context }) =>
      get('/api/v1/performance/regressions', { ...asked(context), to: days.to, min_samples: chosen(state, CHOICES).least, limit: 50 }, { signal }),
    draw: (body, { regressions, ...answer }) => {
      const enough = `${answer.min_samples} measurements in each of the two weeks`;
      if (!regressions.length) {
        body.append(el('p', { class: 'answer good' }, `None that is known: no page got slower by ${answer.min_change_percent}% or more.`),
          el('p', { class: 'small muted' }, `Compared are pages with at least ${enough}.`));
        return;
      }
      const [worst] = regressions;
      body.append(el('p', { class: 'answer bad', 'data-page': worst.page, 'data-vital': worst.vital }, sentence(worst)),
        el('p', { class: 'small muted' }, `At the 75th percentile: three of four visits are at least that fast. ${spanOf(answer)}, on pages with at least ${enough}.`));
      if (regressions.length > 1) body.append(slowerTable(regressions, view));
    },
  });
}

function sentence({ page, vital, p75, p75_before: before, change: by, rating, rating_before: rated }) {
  const { title, show } = measureOf(vital);
  const moved = rating && rating !== rated ? `, from ${RATINGS[rated].title.toLowerCase()} to ${RATINGS[rating].title.toLowerCase()}` : '';
  return [el('strong', {}, page), ` got slower: ${title} went from ${show(before)} to ${show(p75)}${by === null ? '' : ` (${change(by)})`}${moved}.`];
}

function slowerTable(rows, view) {
  const time = (name) => (row) => measureOf(row.vital).show(row[name]);
  return table({
    caption: 'What got slower',
    onRow: ({ page }) => view.filter('path', page),
    rows,
    columns: [
      { title: 'Page', value: ({ page }) => page },
      { title: 'Measure', value: ({ vital }) => measureOf(vital).title },
      { title: 'Week before', isNumber: true, value: time('p75_before') },
      { title: 'This week', isNumber: true, value: time('p75') },
      { title: 'Change', isNumber: true, value: (row) => change(row.change) },
      { title: 'Now', value: ({ rating }) => rating, show: (rating) => badge(rating) ?? '–' },
    ],
  });
}

/** A tile for each vital; the chosen one over time. */
function vitals(view) {
  view.panel({
    title: 'Web vitals',
    note: 'The figure is the 75th percentile, by which Google rates: three of four visits are at least that good.',
    load: ({ signal, days, interval, ...context }) =>
      get('/api/v1/performance', { ...asked(context), ...days, interval, limit: 1000 }, { signal }),
    isEmpty: ({ totals }) => !VITALS.some(({ id }) => totals[id]),
    nothing: 'No measurement in this period. Pages report them with wua-vitals.js beside wua.js.',
    draw: (body, { totals, rows }, { state, site }) => {
      const vital = vitalOf(state);
      body.append(el('div', { class: 'tiles vitals' }, VITALS.map((one) => tile(one, totals[one.id], { view, isChosen: one === vital }))));
      body.append(el('p', { class: 'small muted' }, `${vital.name}. Good up to ${vital.show(vital.good)}, poor over ${vital.show(vital.poor)}.`));
      chart(body, {
        labels: rows.map(({ at }) => moment(at, site.timezone)),
        series: Object.entries(PERCENTILES).map(([name, title]) => ({
          title, show: vital.show, values: rows.map(({ vitals: found }) => found[vital.id]?.[name] ?? null),
        })),
      });
    },
    rows: ({ totals }) => ({
      caption: 'Web vitals',
      rows: VITALS.filter(({ id }) => totals[id]).map((one) => ({ ...one, measured: totals[one.id] })),
      columns: [
        { title: 'Measure', value: ({ name }) => name },
        ...Object.entries(PERCENTILES).map(([name, title]) => ({ title, isNumber: true, value: ({ show, measured }) => show(measured[name]) })),
        ...Object.entries(RATINGS).map(([id, { title }]) => ({ title, isNumber: true, value: ({ measured }) => percent(measured[id]) })),
        { title: 'Measurements', isNumber: true, value: ({ measured }) => number(measured.samples) },
      ],
    }),
  });
}

function tile({ id, title, name, show }, measured, { view, isChosen }) {
  return el('button', {
    type: 'button', class: 'tile', title: name, 'aria-pressed': String(isChosen), 'data-metric': id,
    on: { click: () => view.setOwn({ vital: id === VITALS[0].id ? '' : id }) },
  },
  el('span', { class: 'name' }, title),
  measured
    ? [
      el('span', { class: 'values' }, el('span', { class: 'value' }, show(measured.p75)), badge(measured.rating)),
      spread(shares(measured)),
      el('span', { class: 'small muted' }, `median ${show(measured.p50)}, 95th ${show(measured.p95)}`),
    ]
    : el('span', { class: 'muted' }, 'Not measured'));
}

/** A line of bars() for what was measured of a value. */
function line(key, title, measured, { show }) {
  return {
    key, title, value: measured.p75,
    cells: [
      show(measured.p75),
      el('span', { class: 'rated' }, spread(shares(measured), { isShort: true }), badge(measured.rating)),
      show(measured.p50), show(measured.p95), number(measured.samples),
    ],
  };
}

function slowest(view) {
  view.panel({
    title: 'Slowest pages',
    note: 'By the measure that is chosen above. Choose a page to see it alone.',
    load: ({ signal, state, days, ...context }) => get('/api/v1/performance/pages', {
      ...asked(context), ...days, vital: vitalOf(state).id, min_samples: chosen(state, CHOICES).least, limit: ROWS,
    }, { signal }),
    isEmpty: ({ pages }) => !pages.length,
    nothing: 'No page has that many measurements in this period. Ask for fewer, or for more days.',
    draw: (body, { pages }, { state }) => bars(body, {
      label: 'Page',
      columns: COLUMNS,
      rows: pages.map(({ page, measured }) => line(page, page, measured, vitalOf(state))),
      choose: (page) => view.filter('path', page),
    }),
  });
}

function breakdown(view) {
  view.panel({
    title: 'For whom is it slow?',
    tabs: Object.entries(BREAKDOWNS).map(([id, title]) => ({ id, title })),
    load: ({ signal, days, tab, ...context }) => get('/api/v1/performance', { ...asked(context), ...days, by: tab, limit: ROWS }, { signal }),
    isEmpty: ({ rows }) => !rows.length,
    draw: (body, { rows }, { state, tab }) => {
      const vital = vitalOf(state);
      bars(body, {
        label: BREAKDOWNS[tab],
        columns: COLUMNS,
        rows: rows.filter(({ vitals: found }) => found[vital.id])
          .map(({ dimensions, vitals: found }) => line(dimensions[tab], shown(tab, dimensions[tab]), found[vital.id], vital)),
        choose: (value) => view.filter(tab, value),
      });
    },
  });
}
