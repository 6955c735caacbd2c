// What led to the conversions: who brings the visitors who buy, by every rule side by side.

import { post } from '../core/api.js';
import { shown } from '../core/dimensions.js';
import { el, styled } from '../core/dom.js';
import { money, number, percent } from '../core/format.js';
import { sharing } from '../core/shared.js';
import { FIELDS } from '../core/state.js';
import { bars } from '../parts/bars.js';
import { choices, chosen, lateChoice } from '../parts/choices.js';
import { start } from '../shell/shell.js';

const MODELS = {
  data_driven: { title: 'Data-driven', says: 'In proportion to the conversions that would be lost without it, as the paths of all visitors tell.' },
  first_touch: { title: 'First touch', says: 'All to the first visit.' },
  last_touch: { title: 'Last touch', says: 'All to the visit that converted.' },
  last_non_direct: { title: 'Last non-direct', says: 'All to the last visit that came from somewhere.' },
  linear: { title: 'Linear', says: 'The same to each visit.' },
  time_decay: { title: 'Time decay', says: 'The more to a visit the later it was: half as much for each half-life before.' },
  position_based: { title: 'Position-based', says: '40% to the first and to the last visit, the rest to those between.' },
};
const titles = Object.fromEntries(Object.entries(MODELS).map(([id, { title }]) => [id, title]));
const days = (...all) => Object.fromEntries(all.map((one) => [one, one === 1 ? '1 day' : `${one} days`]));
const tenth = new Intl.NumberFormat('en', { minimumFractionDigits: 1, maximumFractionDigits: 1 });
const MEASURES = {
  conversions: { title: 'Conversions', show: (value) => tenth.format(value), sum: number, noun: 'conversions' },
  revenue: { title: 'Revenue', show: (value) => money(value), sum: (value) => money(value), noun: 'revenue' },
};
const CHOICES = [
  { name: 'by', label: 'By', usual: 'channel', options: Object.fromEntries(['channel', 'source', 'campaign', 'medium', 'referrer_host'].map((id) => [id, FIELDS[id]])) },
  { name: 'measure', label: 'Of', usual: 'conversions', options: { conversions: 'Conversions', revenue: 'Revenue' } },
  { name: 'model', label: 'Model', usual: 'data_driven', options: titles },
  { name: 'look', label: 'Look back', usual: '30', options: days(1, 7, 14, 30, 60, 90), hint: 'How long before a conversion a visit counts' },
  { name: 'half', label: 'Half-life', usual: '7', options: days(1, 3, 7, 14, 30), hint: 'Of time decay: in what time a visit loses half its weight' },
];
const ROWS = 12;

const NAMED = new Set(['campaign', 'medium']);
const UNNAMED = { '(other)': 'All others', '(none)': 'No visit that is known' };
const keyed = (by, key) => UNNAMED[key] ?? shown(by, key);
const orderedBy = (rows, model, measure) => rows.toSorted((a, b) => b.models[model][measure] - a.models[model][measure]);

start({
  uses: ['period', 'bots', 'filters'],
  draw(view) {
    const goalsAre = lateChoice(view, choices(view, CHOICES), { name: 'goal', label: 'Conversion' });
    const load = asking();
    view.panel({
      title: 'Who brings the visitors who buy?',
      load: async (context) => {
        const [answer, goals] = await Promise.all([load(context), goalsOf(context)]);
        return { ...answer, goals };
      },
      draw: (body, answer, context) => {
        const { goal = '' } = context.state.own;
        goalsAre([['', 'Any'], ...[...new Set([...answer.goals, goal])].filter(Boolean).map((one) => [one, one])], goal);
        if (answer.conversions) best(body, answer, context);
        else body.append(el('p', { class: 'nothing' }, 'Nobody converted in this period. Say what counts as a conversion on the page Goals.'));
      },
    });
    view.panel({
      title: 'Every model side by side',
      note: 'Each model shares the same conversions out, so each column adds up to the same.',
      load,
      isEmpty: ({ conversions }) => !conversions,
      nothing: 'Nobody converted in this period.',
      draw: sideBySide,
    });
  },
});

/** Asks for what both panels show. */
function asking() {
  const ask = sharing();
  return ({ state, site, days: asked, filter, bots }) => {
    const { by, look, half } = chosen(state, CHOICES);
    return ask('/api/v1/attribution', {
      site: site.id, ...asked, bots, by, look_back_days: look, half_life_days: half,
      event_filter: state.own.goal && { op: 'is', field: 'goal', value: state.own.goal },
      filter,
    });
  };
}

/** The goals that were reached in the period. */
async function goalsOf({ site, days: asked, bots, signal }) {
  const { rows } = await post('/api/v1/query', {
    site: site.id, ...asked, bots, metrics: ['conversions'], dimensions: ['goal'], order: { by: 'conversions' },
  }, { signal });
  return rows.filter(({ metrics }) => metrics.conversions).map(({ dimensions }) => dimensions.goal);
}

/** The best by the chosen model in a sentence, whether the others agree, and all as bars. */
function best(body, { rows, by, ...answer }, { state }) {
  const { model, measure } = chosen(state, CHOICES);
  const { show, sum, noun } = MEASURES[measure];
  const all = answer[measure];
  const ordered = orderedBy(rows, model, measure);
  const first = leaderOf(rows, by, { model, measure });
  const given = first.models[model][measure];
  if (!all) {
    body.append(el('p', { class: 'answer' }, `The ${answer.conversions} conversions brought no revenue.`));
    return;
  }
  body.append(
    el('p', { class: 'answer good', 'data-key': first.key }, el('strong', {}, keyed(by, first.key)),
      ` brings the most: ${show(given)} of ${sum(all)} ${noun} (${percent(given / all)}), by the model “${titles[model]}”.`,
      ordered[0] !== first && ` ${show(ordered[0].models[model][measure])} came without a ${FIELDS[by].toLowerCase()}.`),
    el('p', { class: 'small muted' }, agreement({ rows, by }, { model, measure, leader: first.key })),
  );
  bars(body, {
    label: FIELDS[by],
    columns: [MEASURES[measure].title, 'Share', 'By all models'],
    rows: ordered.slice(0, ROWS).map(({ key, models }) => {
      const found = Object.values(models).map((one) => one[measure]);
      const value = models[model][measure];
      return {
        key, title: keyed(by, key), value,
        cells: [show(value), percent(value / all), `${show(Math.min(...found))} – ${show(Math.max(...found))}`],
      };
    }),
    more: ordered.length > ROWS && `The first ${ROWS} of ${ordered.length}; the table below has all`,
  });
}

/** Who is given the most; that there was no campaign at all is no answer, unless there is no other. */
function leaderOf(rows, by, { model, measure }) {
  const ordered = orderedBy(rows, model, measure);
  return (NAMED.has(by) && ordered.find(({ key }) => key)) || ordered[0];
}

/** Which models put another first. */
function agreement({ rows, by }, { model, measure, leader }) {
  const others = Object.keys(titles).filter((one) => one !== model)
    .map((one) => ({ title: titles[one], key: leaderOf(rows, by, { model: one, measure }).key }))
    .filter(({ key }) => key !== leader);
  if (!others.length) return 'All seven models put it first.';
  return `Not all models agree: ${others.map(({ title, key }) => `by “${title}” it is ${keyed(by, key)}`).join(', ')}.`;
}

function sideBySide(body, { rows, by, ...answer }, { state }) {
  const { model, measure } = chosen(state, CHOICES);
  const { show, sum: whole } = MEASURES[measure];
  const names = Object.keys(MODELS);
  const most = Math.max(...rows.flatMap(({ models }) => names.map((one) => models[one][measure])), 1e-9);
  const cell = (value) => styled(el('td', { class: 'number heat' }, show(value)), { '--share': `${(100 * value) / most}%` });
  const sum = (name) => rows.reduce((all, { models }) => all + models[name][measure], 0);
  body.append(el('div', { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': 'Every model side by side' }, el('table', {},
    el('thead', {}, el('tr', {}, el('th', { scope: 'col' }, FIELDS[by]),
      names.map((one) => el('th', { scope: 'col', class: 'number', title: MODELS[one].says }, titles[one])),
      el('th', { scope: 'col', class: 'number' }, 'Lost without it'))),
    el('tbody', {}, orderedBy(rows, model, measure).map(({ key, models, removal_effect: lost }) => el('tr', { 'data-key': key },
      el('th', { scope: 'row' }, keyed(by, key)), names.map((one) => cell(models[one][measure])),
      el('td', { class: 'number' }, lost === null ? '–' : percent(lost))))),
    el('tfoot', {}, el('tr', {}, el('th', { scope: 'row' }, 'All'),
      names.map((one) => el('td', { class: 'number' }, whole(sum(one)))), el('td', {}))))),
  meanings(answer));
}

function meanings({ look_back_days: look, half_life_days: half, lost_journeys: lost }) {
  return el('details', {}, el('summary', {}, 'To whom each model gives a conversion'), el('dl', { class: 'terms' },
    Object.values(MODELS).flatMap(({ title, says }) => [el('dt', {}, title), el('dd', {}, says)]),
    el('dt', {}, 'Lost without it'), el('dd', {}, `The part of the conversions that the data-driven model expects to be lost if nobody came this way. It also learns from ${lost.toLocaleString('en')} paths of visitors who did not convert.`),
    el('dt', {}, 'Look back'), el('dd', {}, `Visits of up to ${look} days before a conversion count. Half-life of time decay: ${half} days.`),
    el('dt', {}, 'Filters'), el('dd', {}, 'Conversions that were made in a visit that passes; whatever led to them counts.')));
}
