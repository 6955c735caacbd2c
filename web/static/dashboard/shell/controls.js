// Site, period, comparison, interval and whose traffic: each a plain control that writes into the address.

import { el } from '../core/dom.js';
import { COMPARISONS, INTERVALS, PERIODS, daysOf, intervalOf, plus } from '../core/state.js';

const BOTS = { '': 'People', include: 'People and bots', only: 'Bots only' };

/** The controls that a page uses, in order. */
export function controls(view, uses, sites) {
  const made = [siteSwitcher(view, sites)];
  if (uses.includes('period')) made.push(periodPicker(view), customDays(view));
  if (uses.includes('compare')) made.push(choice(view, 'Comparison', COMPARISONS, 'compare'));
  if (uses.includes('interval')) made.push(intervals(view));
  if (uses.includes('bots')) made.push(choice(view, 'Whose traffic', BOTS, 'bots'));
  return made;
}

function options(all) {
  return Object.entries(all).map(([value, title]) => el('option', { value }, title));
}

function select(view, label, all, { value, take }) {
  const made = el('select', { 'aria-label': label, on: { change: () => take(made.value) } }, options(all));
  view.watch((state) => { made.value = value(state); });
  return made;
}

const choice = (view, label, all, name) =>
  select(view, label, all, { value: (state) => state[name], take: (value) => view.set({ [name]: value }) });

const siteSwitcher = (view, sites) =>
  select(view, 'Site', Object.fromEntries(sites.map(({ id }) => [id, id])), {
    value: (state) => state.site.id,
    // Filters and what is chosen on a page mean something on one site only.
    take: (id) => view.set({ site: sites.find((one) => one.id === id), filters: [], own: {} }),
  });

const periodPicker = (view) =>
  select(view, 'Period', PERIODS, {
    value: (state) => state.period,
    take: (period) => view.set(period === 'custom' ? { period, ...daysOf(view.state) } : { period }),
  });

function customDays(view) {
  const from = el('input', { type: 'date', 'aria-label': 'From' });
  const last = el('input', { type: 'date', 'aria-label': 'To, included' });
  const take = () => {
    if (from.value && last.value && from.value <= last.value) {
      view.set({ period: 'custom', from: from.value, to: plus(last.value, 1) });
    }
  };
  for (const input of [from, last]) input.addEventListener('change', take);
  const both = el('span', {}, from, ' – ', last);
  view.watch((state) => {
    both.hidden = state.period !== 'custom';
    const days = daysOf(state);
    from.value = days.from;
    last.value = plus(days.to, -1);
  });
  return both;
}

const intervals = (view) =>
  select(view, 'Interval', INTERVALS, {
    value: (state) => intervalOf(state),
    take: (interval) => view.set({ interval }),
  });
