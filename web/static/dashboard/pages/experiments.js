// Experiments: which variant is better, by how much, and how sure that is.

import { get, post } from '../core/api.js';
import { el } from '../core/dom.js';
import { decimal, moment, money, number, percent } from '../core/format.js';
import { choices, chosen, lateChoice } from '../parts/choices.js';
import { interval, reachOf } from '../parts/interval.js';
import { planner } from '../parts/planner.js';
import { table } from '../parts/table.js';
import { start } from '../shell/shell.js';

const METRICS = {
  conversion: { title: 'Conversion rate', asked: { kind: 'conversion' }, show: percent },
  revenue: { title: 'Revenue per visitor', asked: { kind: 'mean', of: 'revenue' }, show: (value) => money(value) },
  page_views: { title: 'Page views per visitor', asked: { kind: 'mean', of: 'page_views' }, show: decimal },
  revenue_per_session: { title: 'Revenue per session', asked: { kind: 'ratio', of: 'revenue', per: 'sessions' }, show: (value) => money(value) },
};
const CHOICES = [
  { name: 'metric', label: 'Compared by', usual: 'conversion', options: Object.fromEntries(Object.entries(METRICS).map(([id, { title }]) => [id, title])) },
  { name: 'wanted', label: 'Better is', usual: 'more', options: { more: 'More', less: 'Less' } },
  {
    name: 'design', label: 'Decided', usual: 'sequential', options: { sequential: 'At any look', fixed: 'Once, at a planned size' },
    hint: 'At any look: you may look every day and stop when it is decided, and are still rarely wrong',
  },
];
/** With fewer in a variant nothing wins. */
const LEAST_USERS = 100;
const WARNINGS = {
  sample_ratio_mismatch: 'The variants did not get the visitors that they should have. Something loses visitors of one of them (a redirect, an error, a bot): do not trust the numbers before that is found.',
  too_few_users: `A variant has fewer than ${LEAST_USERS} visitors. Nothing wins before.`,
  too_few_conversions: 'There are too few conversions for these formulas.',
  no_variation: 'Every visitor has the same value, so there is nothing to compare.',
  mixed_users: 'Some visitors saw several variants; they are left out.',
};
const signed = new Intl.NumberFormat('en', { style: 'percent', maximumFractionDigits: 0, signDisplay: 'exceptZero' });
const span = ({ low, high }) => `${signed.format(low)} to ${signed.format(high)}`;
const probability = (value) => (value < 0.001 ? '< 0.001' : value.toFixed(3));
const NO_EXPERIMENT = "No experiment in this period. Tell which variant a page shows: wua('$exposure', {experiment: 'buy_button', variant: 'green'}).";

start({
  uses: ['period', 'bots'],
  draw(view) {
    const controlIs = lateChoice(view, choices(view, CHOICES), { name: 'control', label: 'Compared with' });
    view.panel({
      title: 'Experiments',
      load: experiments,
      isEmpty: (answer) => !answer.experiments.length,
      nothing: NO_EXPERIMENT,
      draw: list,
    });
    view.panel({
      title: 'Which variant is better?',
      load: results,
      isEmpty: (answer) => !answer,
      nothing: 'Once an experiment is seen, its result stands here.',
      draw: (body, answer, context) => {
        controlIs(answer.variants.map((one) => [one, one]), answer.control);
        result(body, answer, context);
      },
    });
    planner(view);
  },
});

function experiments({ site, days, bots, signal }) {
  return get('/api/v1/experiments', { site: site.id, ...days, bots }, { signal });
}

function nameOf({ experiments: all }, { own }) {
  return (all.find(({ experiment }) => experiment === own.experiment) ?? all[0])?.experiment;
}

function list(body, answer, { state, site, view }) {
  const shown = nameOf(answer, state);
  body.append(table({
    caption: 'Experiments',
    onRow: ({ experiment }) => view.setOwn({ experiment, control: '' }),
    rows: answer.experiments,
    columns: [
      { title: 'Experiment', value: ({ experiment }) => experiment },
      { title: 'Result', value: ({ experiment }) => (experiment === shown ? 'shown below' : ''), show: (said) => said && el('span', { class: 'badge' }, said) },
      { title: 'Variants', value: ({ variants }) => variants.map(({ variant, visitors }) => `${variant} ${number(visitors)}`).join(', ') },
      { title: 'Visitors', isNumber: true, value: ({ visitors }) => number(visitors) },
      { title: 'First seen', value: ({ first_exposed_at: at }) => moment(at, site.timezone) },
      { title: 'Last seen', value: ({ last_exposed_at: at }) => moment(at, site.timezone) },
    ],
  }));
}

/** The results of the experiment that is looked at, and how many more visitors an open question takes; null without any. */
async function results(context) {
  const { state, site, days, bots, signal } = context;
  const all = await experiments(context);
  const experiment = nameOf(all, state);
  if (!experiment) return null;
  const variants = all.experiments.find((one) => one.experiment === experiment).variants.map(({ variant }) => variant);
  if (variants.length < 2) return { experiment, variants };
  const { metric, wanted, design } = chosen(state, CHOICES);
  const control = [state.own.control, 'control', variants[0]].find((one) => variants.includes(one));
  const found = await post('/api/v1/experiments/results', {
    site: site.id, ...days, bots, experiment, control, metric: METRICS[metric].asked, wanted, design, least_users: LEAST_USERS,
  }, { signal });
  return { ...found, variants, more: found.evaluation.winner ? null : await moreNeeded(found.evaluation, signal) };
}

/** About how many more visitors show the greatest difference that is undecided, if it is real; null where none is known. */
async function moreNeeded({ variants }, signal) {
  const [control, ...treatments] = variants;
  const open = treatments.filter(({ users, comparison: { effect } }) => users && control.users && effect.difference && effect.interval.high > effect.interval.low)
    .sort((a, b) => Math.abs(b.comparison.effect.difference) - Math.abs(a.comparison.effect.difference))[0];
  if (!open) return null;
  const { interval: bounds, difference } = open.comparison.effect;
  const error = (bounds.high - bounds.low) / 2 / 1.96;
  const variance = error ** 2 / (1 / control.users + 1 / open.users);
  const plan = await post('/api/v1/experiments/plan', { metric: { kind: 'mean', variance }, change: difference, treatments: treatments.length }, { signal });
  const missing = variants.reduce((all, { users }) => all + Math.max(0, LEAST_USERS - users), 0);
  return { variant: open.name, count: Math.max(missing, plan.users_in_all - variants.reduce((all, { users }) => all + users, 0)) };
}

function result(body, answer, context) {
  if (!answer.evaluation) {
    body.append(el('p', { class: 'answer warn' }, `Only one variant of “${answer.experiment}” was seen, ${answer.variants[0]}. It takes two to compare.`));
    return;
  }
  const { evaluation, experiment } = answer;
  const { kind, said } = verdict(answer);
  body.append(
    el('p', { class: 'small muted' }, `Experiment “${experiment}”`),
    el('p', { class: `answer ${kind}`, 'data-experiment': experiment }, said),
    ...evaluation.warnings.map((reason) => el('p', { class: 'warning small', 'data-reason': reason }, el('span', { class: `badge ${reason === 'sample_ratio_mismatch' ? 'bad' : 'warn'}` }, 'Careful'), ` ${WARNINGS[reason]}`)),
    variantTable(answer, METRICS[chosen(context.state, CHOICES).metric]),
    el('p', { class: 'small muted' }, split(answer)),
  );
}

/** The lift's bounds that the design decides by; null where there is none. */
function decidedBy({ design, evaluation }, { comparison: { effect, sequence } }) {
  if (design === 'fixed') return effect.lift_interval;
  const { value } = evaluation.variants[0];
  return sequence && value > 0 ? { low: sequence.low / value, high: sequence.high / value } : null;
}

/** What is known, in a sentence. */
function verdict(answer) {
  const { evaluation, more, control } = answer;
  const mismatch = evaluation.warnings.includes('sample_ratio_mismatch');
  if (mismatch) return { kind: 'bad', said: 'Not to be trusted: the visitors are not split as they should be.' };
  if (evaluation.winner === control) return { kind: 'bad', said: [el('strong', {}, `${control} is the best`), ': every other variant is worse.'] };
  const winner = evaluation.variants.find(({ name }) => name === evaluation.winner);
  if (winner) return { kind: 'good', said: compared(winner, 'is better', answer) };
  const worse = evaluation.variants.find(({ comparison }) => comparison?.verdict === 'worse');
  if (worse && evaluation.variants.length === 2) return { kind: 'bad', said: compared(worse, 'is worse', answer) };
  return { kind: '', said: [el('strong', {}, 'Not known yet'), unknown(evaluation, more)] };
}

function compared(variant, how, answer) {
  const { lift } = variant.comparison.effect;
  const bounds = decidedBy(answer, variant);
  const by = lift === null ? '' : `: ${signed.format(lift)}${bounds ? ` (${span(bounds)})` : ''}`;
  return [el('strong', {}, `${variant.name} ${how}`), `${by}.`];
}

function unknown({ variants }, more) {
  if (!more) return ': there is no difference so far.';
  const { lift } = variants.find(({ name }) => name === more.variant).comparison.effect;
  const seen = lift === null ? 'what is seen' : `the ${signed.format(lift)} of ${more.variant}`;
  return more.count > 0
    ? `: needs about ${number(more.count)} more visitors, if ${seen} is real.`
    : `: ${seen} is close to being told from chance. Let it run on.`;
}

function split({ evaluation: { mismatch, variance_reduction: reduced }, mixed_users: mixed }) {
  const parts = [`Split of the visitors: ${mismatch.is_mismatch ? 'not as it should be' : 'as it should be'} (p ${mismatch.p_value < 0.001 ? '' : '= '}${probability(mismatch.p_value)}).`];
  if (mixed) parts.push(`${number(mixed)} visitors saw several variants and are left out.`);
  if (reduced) parts.push(`What visitors did before explains ${percent(reduced)} of the variation, and was taken out (CUPED).`);
  parts.push('The thick line is the interval of one look, the thin one that of any number of looks.');
  return parts.join(' ');
}

function variantTable(answer, { title, show }) {
  const { evaluation, design } = answer;
  const [control, ...treatments] = evaluation.variants;
  const drawn = new Map(treatments.filter(({ comparison }) => comparison.effect.lift_interval).map((one) => [one.name, {
    point: one.comparison.effect.lift, thick: one.comparison.effect.lift_interval, thin: decidedBy({ design: 'sequential', evaluation }, one),
  }]));
  const reach = reachOf([...drawn.values()]);
  const pOf = ({ comparison }) => (design === 'fixed' ? comparison.adjusted_p_value : comparison.adjusted_always_valid_p_value);
  const of = (told) => (row) => (row === control ? '–' : told(row));
  return table({
    caption: 'Variants',
    rows: evaluation.variants,
    columns: [
      { title: 'Variant', value: ({ name }) => (name === control.name ? `${name} (compared with)` : name) },
      { title, isNumber: true, value: ({ value }) => show(value) },
      { title: 'Lift', isNumber: true, value: of(({ comparison: { effect } }) => (effect.lift === null ? '–' : signed.format(effect.lift))) },
      {
        title: drawn.size ? `${signed.format(-reach)} … 0 … ${signed.format(reach)}` : 'Interval of the lift',
        value: ({ name }) => drawn.get(name),
        show: (found, { comparison }) => (found ? interval(found, { reach, said: `Lift ${span(found.thick)}`, kind: comparison.verdict }) : '–'),
      },
      { title: 'Chance to be best', isNumber: true, value: ({ chance }) => (chance ? percent(chance.best) : '–') },
      { title: 'Lift, one look', isNumber: true, value: of(({ comparison: { effect } }) => (effect.lift_interval ? span(effect.lift_interval) : '–')) },
      { title: 'Lift, any look', isNumber: true, value: of(({ name }) => (drawn.get(name)?.thin ? span(drawn.get(name).thin) : '–')) },
      { title: 'p-value', isNumber: true, value: of((row) => probability(pOf(row))) },
      { title: 'Visitors', isNumber: true, value: ({ users }) => number(users) },
      { title: '95% interval', isNumber: true, value: ({ interval: { low, high } }) => `${show(low)} – ${show(high)}` },
    ],
  });
}
