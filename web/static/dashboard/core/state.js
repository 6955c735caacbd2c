// What a page shows stands in its address: site, period, comparison, interval, filters. Every view is a link.

const DAY_MS = 86_400_000;
/** Periods by name: from how many days before today, to how many after. */
export const PERIODS = {
  today: 'Today',
  yesterday: 'Yesterday',
  '7d': 'Last 7 days',
  '30d': 'Last 30 days',
  month: 'This month',
  last_month: 'Last month',
  '90d': 'Last 90 days',
  year: 'This year',
  custom: 'Other days …',
};
export const COMPARISONS = { '': 'No comparison', previous_period: 'Previous period', previous_year: 'Previous year' };
export const INTERVALS = { hour: 'Hours', day: 'Days', week: 'Weeks', month: 'Months' };
export const OPERATORS = { is: 'is', is_not: 'is not', contains: 'contains', matches: 'matches' };
/** What a chip can filter by. */
export const FIELDS = {
  channel: 'Channel', source: 'Source', medium: 'Medium', campaign: 'Campaign', referrer_host: 'Referrer',
  path: 'Page', entry_path: 'Entry page', exit_path: 'Exit page', country: 'Country', region: 'Region', city: 'City',
  device_class: 'Device', browser: 'Browser', os: 'Operating system', language: 'Language', name: 'Event', goal: 'Goal',
};
const OWN = new Set(['site', 'period', 'from', 'to', 'compare', 'interval', 'bots', 'f', 'filter']);
const ISO_DAY = /^\d{4}-\d{2}-\d{2}$/;

/** The state that an address says. `sites`: those the viewer may see; the first where it names none of them. */
export function readState(search, sites) {
  const said = new URLSearchParams(search);
  const site = sites.find(({ id }) => id === said.get('site')) ?? sites[0] ?? { id: '', timezone: 'UTC' };
  const custom = ISO_DAY.test(said.get('from') ?? '') && ISO_DAY.test(said.get('to') ?? '');
  const named = said.get('period');
  return {
    site,
    period: custom ? 'custom' : named in PERIODS && named !== 'custom' ? named : '30d',
    from: custom ? said.get('from') : '',
    to: custom ? said.get('to') : '',
    compare: said.get('compare') in COMPARISONS ? said.get('compare') : '',
    interval: said.get('interval') in INTERVALS ? said.get('interval') : '',
    bots: ['include', 'only'].includes(said.get('bots')) ? said.get('bots') : '',
    filters: said.getAll('f').map(parsedFilter).filter(Boolean),
    given: parsedJson(said.get('filter')),
    own: Object.fromEntries([...said].filter(([name]) => !OWN.has(name))),
  };
}

/** The query of an address that says it; what is as usual is left out. */
export function searchOf(state) {
  const said = new URLSearchParams();
  if (state.site.id) said.set('site', state.site.id);
  if (state.period === 'custom') {
    said.set('from', state.from);
    said.set('to', state.to);
  } else if (state.period !== '30d') said.set('period', state.period);
  for (const name of ['compare', 'interval', 'bots']) if (state[name]) said.set(name, state[name]);
  if (state.given) said.set('filter', JSON.stringify(state.given));
  for (const { field, op, value } of state.filters) said.append('f', `${field}~${op}~${value}`);
  for (const [name, value] of Object.entries(state.own)) if (value) said.set(name, value);
  return `?${said}`;
}

function parsedFilter(text) {
  const [field, op, ...rest] = text.split('~');
  return field && op in OPERATORS && rest.length ? { field, op, value: rest.join('~') } : null;
}

/** A filter of the API that a link shows the site with; it cannot be taken away. Undefined where there is none. */
function parsedJson(text) {
  try {
    return text ? JSON.parse(text) : undefined;
  } catch {
    return undefined;
  }
}

/**
 * The filter of the API, or undefined where there is none: what is given holds and all chips; several `is` of a field
 * are one of these.
 */
export function filterOf({ filters, given }) {
  const parts = given ? [given] : [];
  const values = new Map();
  for (const one of filters) {
    if (one.op === 'is') values.set(one.field, [...(values.get(one.field) ?? []), one.value]);
    else parts.push(one);
  }
  for (const [field, all] of values) {
    parts.push(all.length > 1 ? { op: 'one_of', field, values: all } : { op: 'is', field, value: all[0] });
  }
  if (parts.length < 2) return parts[0];
  return { op: 'and', filters: parts };
}

/** The half-open days of the period in the site's time zone: `from` is in it, `to` is not. */
export function daysOf(state, now = new Date()) {
  if (state.period === 'custom') return { from: state.from, to: state.to };
  const today = dayIn(state.site.timezone, now);
  const [year, month] = today.split('-').map(Number);
  const first = (of) => new Date(Date.UTC(year, of, 1)).toISOString().slice(0, 10);
  const tomorrow = plus(today, 1);
  return {
    today: { from: today, to: tomorrow },
    yesterday: { from: plus(today, -1), to: today },
    '7d': { from: plus(today, -6), to: tomorrow },
    '30d': { from: plus(today, -29), to: tomorrow },
    '90d': { from: plus(today, -89), to: tomorrow },
    month: { from: first(month - 1), to: tomorrow },
    last_month: { from: first(month - 2), to: first(month - 1) },
    year: { from: `${year}-01-01`, to: tomorrow },
  }[state.period];
}

/** The interval of a series: as chosen, else one that makes some 24 to 60 points. */
export function intervalOf(state) {
  const { from, to } = daysOf(state);
  const days = (Date.parse(to) - Date.parse(from)) / DAY_MS;
  if (state.interval && !(state.interval === 'hour' && days > 31)) return state.interval;
  if (days <= 2) return 'hour';
  return days <= 92 ? 'day' : 'week';
}

/** Whether the period reaches to this moment, so that its figures still grow. */
export const isLive = (state, now = new Date()) => daysOf(state, now).to > dayIn(state.site.timezone, now);

export const plus = (day, days) => new Date(Date.parse(day) + days * DAY_MS).toISOString().slice(0, 10);

function dayIn(timeZone, now) {
  const parts = new Intl.DateTimeFormat('en-CA', { timeZone, year: 'numeric', month: '2-digit', day: '2-digit' });
  return parts.format(now);
}
