// How many visitors an experiment takes, and what so many can show: a small form over the API's plan.

import { post } from '../core/api.js';
import { el } from '../core/dom.js';
import { number, percent } from '../core/format.js';

const FIELDS = [
  { name: 'base', label: 'Conversion rate now, %', usual: 5, min: 0.01, max: 99.9, step: 'any' },
  { name: 'lift', label: 'Smallest change worth seeing, % of it', usual: 10, min: 0.1, max: 1000, step: 'any' },
  { name: 'size', label: 'Visitors in each variant', usual: 2000, min: 1, max: 1e9, step: 1 },
  { name: 'versus', label: 'Variants besides the control', usual: 1, min: 1, max: 19, step: 1 },
];
const POWER = 0.8;
const LEVEL = 0.05;

/** Adds the panel to the view. */
export function planner(view) {
  const panel = view.panel({
    title: 'Plan one',
    note: `Power ${percent(POWER)}, significance ${percent(LEVEL)}, looked at once, at the end. Who wants to stop early needs more.`,
    load: async ({ state, signal, site, days, bots }) => {
      const { base, lift, size, versus } = planned(state);
      const rate = base / 100;
      const change = Math.min(rate * (lift / 100), 1 - rate);
      const [plan, { totals }] = await Promise.all([
        post('/api/v1/experiments/plan', { metric: { kind: 'rate', baseline: rate }, change, users: size, treatments: versus, power: POWER, alpha: LEVEL }, { signal }),
        post('/api/v1/query', { site: site.id, ...days, bots, metrics: ['visitors'] }, { signal }),
      ]);
      const length = (Date.parse(days.to) - Date.parse(days.from)) / 86_400_000;
      return { plan, rate, change, size, aDay: totals.metrics.visitors / length };
    },
    draw,
  });
  panel.body.before(form(view));
}

const planned = ({ own }) => Object.fromEntries(FIELDS.map(({ name, usual, min, max, step }) => {
  const said = Number(own[name] || usual);
  const isSound = said >= min && said <= max && (step === 'any' || Number.isInteger(said));
  return [name, isSound ? said : usual];
}));

function form(view) {
  const inputs = FIELDS.map(({ name, label, usual, min, max, step }) => {
    const input = el('input', { type: 'number', name, min, max, step, required: true, inputmode: 'decimal' });
    input.addEventListener('change', () => input.reportValidity() && view.setOwn({ [name]: Number(input.value) === usual ? '' : input.value }));
    view.watch((state) => { input.value = planned(state)[name]; });
    return el('label', {}, label, input);
  });
  return el('form', { class: 'form plan', 'aria-label': 'Plan', on: { submit: (event) => event.preventDefault() } }, inputs);
}

function draw(body, { plan, rate, change, size, aDay }) {
  const { users_per_variant: each, users_in_all: all, least_change: least } = plan;
  const days = aDay > 0 ? Math.ceil(all / aDay) : null;
  body.append(
    el('p', { class: 'answer', 'data-answer': 'size' }, 'To see a change from ', el('strong', {}, `${percent(rate)} to ${percent(rate + change)}`), ' it takes ',
      el('strong', {}, `${number(each)} visitors in each variant`), `, ${number(all)} in all`,
      days ? `: about ${number(days)} days at the ${number(aDay)} visitors a day of this period.` : '.'),
    el('p', { class: 'answer', 'data-answer': 'change' }, `With ${number(size)} visitors in each variant, `, least === null
      ? 'no rise can be told from chance.'
      : ['the smallest rise that can be told from chance is ', el('strong', {}, `from ${percent(rate)} to ${percent(rate + least)}`), ` (+${percent(least / rate)}).`]),
  );
}
