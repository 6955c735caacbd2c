// How many visitors an experiment takes, and what so many can show: a small form over the API's plan.

import { post } from '../core/api.js';
import { el } from '../core/dom.js';
import { decimal, number, percent } from '../core/format.js';

const KINDS = { rate: { title: 'A conversion rate', show: percent }, mean: { title: 'A mean, as revenue per visitor', show: decimal } };
/** `only`: the kind that asks for it. */
const FIELDS = [
  { name: 'base', label: 'Conversion rate now, %', usual: 5, min: 0.01, max: 99.9, step: 'any', only: 'rate' },
  { name: 'mean', label: 'Mean now', usual: 10, min: 0.0001, max: 1e9, step: 'any', only: 'mean' },
  { name: 'spread', label: 'Standard deviation between visitors', usual: 30, min: 0.0001, max: 1e9, step: 'any', only: 'mean' },
  { name: 'lift', label: 'Smallest change worth seeing, % of it', usual: 10, min: 0.1, max: 1000, step: 'any' },
  { name: 'size', label: 'Visitors in each variant', usual: 2000, min: 1, max: 1e9, step: 1 },
  { name: 'versus', label: 'Variants besides the control', usual: 1, min: 1, max: 19, step: 1 },
];
const POWER = 0.8;
const LEVEL = 0.05;
const DAY_MS = 86_400_000;

/** Adds the panel to the view. */
export function planner(view) {
  const panel = view.panel({
    title: 'Plan one',
    note: `Power ${percent(POWER)}, significance ${percent(LEVEL)}, looked at once, at the end. Who wants to stop early needs more.`,
    load,
    draw,
  });
  panel.body.before(form(view));
}

async function load({ state, signal, site, days, bots }) {
  const { kind, base, mean, spread, lift, size, versus } = planned(state);
  const now = kind === 'rate' ? base / 100 : mean;
  const metric = kind === 'rate' ? { kind, baseline: now } : { kind, variance: spread ** 2 };
  const change = kind === 'rate' ? Math.min(now * (lift / 100), 1 - now) : now * (lift / 100);
  const [plan, { totals }] = await Promise.all([
    post('/api/v1/experiments/plan', { metric, change, users: size, treatments: versus, power: POWER, alpha: LEVEL }, { signal }),
    post('/api/v1/query', { site: site.id, ...days, bots, metrics: ['visitors'] }, { signal }),
  ]);
  return { plan, kind, now, change, size, aDay: totals.metrics.visitors / ((Date.parse(days.to) - Date.parse(days.from)) / DAY_MS) };
}

/** What the address says, or what is usual where it says nothing that can be. */
function planned({ own }) {
  const numbers = FIELDS.map(({ name, usual, min, max, step }) => {
    const said = Number(own[name] || usual);
    const isSound = said >= min && said <= max && (step === 'any' || Number.isInteger(said));
    return [name, isSound ? said : usual];
  });
  return { ...Object.fromEntries(numbers), kind: own.plan in KINDS ? own.plan : 'rate' };
}

function form(view) {
  const kind = el('select', { name: 'plan', on: { change: () => view.setOwn({ plan: kind.value === 'rate' ? '' : kind.value }) } },
    Object.entries(KINDS).map(([value, { title }]) => el('option', { value }, title)));
  view.watch((state) => { kind.value = planned(state).kind; });
  return el('form', { class: 'form plan', 'aria-label': 'Plan', on: { submit: (event) => event.preventDefault() } },
    el('label', {}, 'What is compared', kind), FIELDS.map((one) => field(view, one)));
}

function field(view, { name, label, usual, min, max, step, only }) {
  const input = el('input', { type: 'number', name, min, max, step, required: true, inputmode: 'decimal' });
  input.addEventListener('change', () => input.reportValidity() && view.setOwn({ [name]: Number(input.value) === usual ? '' : input.value }));
  const made = el('label', {}, label, input);
  view.watch((state) => {
    const found = planned(state);
    input.value = found[name];
    made.hidden = Boolean(only) && only !== found.kind;
  });
  return made;
}

function draw(body, { plan, kind, now, change, size, aDay }) {
  const { users_per_variant: each, users_in_all: all, least_change: least } = plan;
  const { show } = KINDS[kind];
  const days = aDay > 0 ? Math.ceil(all / aDay) : null;
  body.append(
    el('p', { class: 'answer', 'data-answer': 'size' }, 'To see a change from ', el('strong', {}, `${show(now)} to ${show(now + change)}`), ' it takes ',
      el('strong', {}, `${number(each)} visitors in each variant`), `, ${number(all)} in all`,
      days ? `: about ${number(days)} days at the ${number(aDay)} visitors a day of this period.` : '.'),
    el('p', { class: 'answer', 'data-answer': 'change' }, `With ${number(size)} visitors in each variant, `, least === null
      ? 'no rise can be told from chance.'
      : ['the smallest rise that can be told from chance is ', el('strong', {}, `from ${show(now)} to ${show(now + least)}`), ` (+${percent(least / now)}).`]),
  );
}
