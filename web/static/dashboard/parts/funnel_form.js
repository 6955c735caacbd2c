// The builder of a funnel: its steps, how they follow, within what time, what ends it, and who counts.

import { el } from '../core/dom.js';
import { FIELDS } from '../core/state.js';
import { conditions } from './conditions.js';
import { nameOf, pattern } from './pattern.js';

export const MODES = {
  ordered: 'In this order; others may come between',
  strict: 'In this order, nothing between',
  unordered: 'In any order',
};
const PER = { visitor: 'Visitors, over all their sessions', session: 'Each session by itself' };
const UNITS = { w: [604_800_000, 'weeks'], d: [86_400_000, 'days'], h: [3_600_000, 'hours'], m: [60_000, 'minutes'], s: [1000, 'seconds'], ms: [1, 'milliseconds'] };
const OF_EVENTS = new Set(['path', 'name', 'goal']);
const WHO = { ...Object.fromEntries(Object.entries(FIELDS).filter(([name]) => !OF_EVENTS.has(name))), 'user.': 'What is known of a user: user.<name>' };
const [LEAST, MOST, MOST_EXCLUSIONS] = [2, 20, 10];

/** What a new funnel begins with. */
export const BLANK = { title: '', steps: [{ title: '' }, { title: '' }], window: '1d' };

/** Whether every step says which events take it. */
export const isComplete = ({ steps }) => steps.length >= LEAST && steps.every((step) => step.page || step.page_matches || step.event || step.filter);

/** A window in the greatest unit that it is whole in: 86400000ms -> 1 of d. */
function windowOf(text = '1d') {
  const [, amount, unit] = /^(\d+)(ms|[smhdw])$/.exec(text);
  const all = Number(amount) * UNITS[unit][0];
  const found = Object.keys(UNITS).find((one) => one !== 'w' && all % UNITS[one][0] === 0);
  return { amount: all / UNITS[found][0], unit: found };
}

/** A window in words: 1 day. */
export function windowWords(text) {
  const { amount, unit } = windowOf(text);
  return `${amount} ${amount === 1 ? UNITS[unit][1].slice(0, -1) : UNITS[unit][1]}`;
}

/** `actions`: [{ title, isMain, take(definition) }]: the buttons; the definition is as the API takes it. */
export function funnelForm(given, actions) {
  const title = el('input', { value: given.title, maxlength: 256, placeholder: 'Checkout', name: 'title' });
  const steps = ordered('Step', given.steps, { most: MOST, least: LEAST, blank: () => ({ title: '' }), make: stepOf });
  const exclusions = ordered('Exclusion', given.exclusions ?? [], { most: MOST_EXCLUSIONS, least: 0, blank: () => ({}), make: exclusionOf });
  const mode = choice(MODES, given.mode ?? 'ordered', 'mode');
  const per = choice(PER, given.per ?? 'visitor', 'per');
  const { amount, unit } = windowOf(given.window);
  const within = el('input', { type: 'number', min: 1, max: 1_000_000, value: amount, name: 'window', required: true });
  const units = choice(Object.fromEntries(Object.entries(UNITS).map(([name, [, said]]) => [name, said])), unit, 'unit', 'Unit of the window');
  const who = conditions(given.filter, { fields: WHO, what: 'who counts' });
  const definition = () => {
    const filter = who.value();
    return {
      title: title.value.trim() || 'New funnel', steps: steps.value(), mode: mode.value, per: per.value, window: `${within.value}${units.value}`,
      ...(exclusions.value().length ? { exclusions: exclusions.value() } : {}), ...(filter ? { filter } : {}),
    };
  };
  const form = el('form', { class: 'form builder', 'aria-label': 'Funnel' },
    el('label', {}, 'Name', title),
    el('fieldset', {}, el('legend', {}, 'Steps'), steps.element),
    el('div', { class: 'picks' },
      el('label', {}, 'Steps are taken', mode), el('label', {}, 'By', per),
      el('label', {}, 'Within, of the first step', el('span', { class: 'line' }, within, units))),
    el('details', { open: Boolean(given.exclusions?.length || given.filter) }, el('summary', {}, 'Exclusions and who counts'),
      el('fieldset', {}, el('legend', {}, 'Exclusions'),
        el('p', { class: 'muted small' }, 'Events that end a walk which has begun and is not through yet.'), exclusions.element),
      el('fieldset', {}, el('legend', {}, 'Who counts'),
        el('p', { class: 'muted small' }, 'Only sessions, or users, of which all of this holds.'), who.element)),
    el('p', { class: 'actions' }, actions.map(({ title: said, isMain, take }) => el('button', {
      type: isMain ? 'submit' : 'button', class: isMain ? 'primary' : null, on: isMain ? {} : { click: () => take(definition()) },
    }, said))));
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    actions.find(({ isMain }) => isMain).take(definition());
  });
  return form;
}

function choice(all, value, name, label) {
  return el('select', { name, 'aria-label': label }, Object.entries(all).map(([id, title]) => el('option', { value: id, selected: id === value }, title)));
}

/** A list that can be added to, taken from, and put in another order. */
function ordered(what, given, { most, least, blank, make }) {
  const place = el('ol', { class: 'ordered' });
  const add = el('button', { type: 'button', class: 'quiet small', on: { click: () => { put(blank()); all.at(-1).focus(); } } }, `+ ${what}`);
  let all = [];
  const put = (one) => {
    const made = make(one, `${what.toLowerCase()} ${all.length + 1}`);
    all.push(made);
    show();
  };
  const move = (one, by) => {
    const at = all.indexOf(one);
    all.splice(at, 1);
    all.splice(at + by, 0, one);
    show();
  };
  const button = (text, label, isOff, take) => el('button', { type: 'button', class: 'quiet', 'aria-label': label, disabled: isOff, on: { click: take } }, text);
  const show = () => {
    place.replaceChildren(...all.map((one, at) => el('li', {}, one.element, el('span', { class: 'moves' },
      button('↑', `Move up: ${what.toLowerCase()} ${at + 1}`, at === 0, () => move(one, -1)),
      button('↓', `Move down: ${what.toLowerCase()} ${at + 1}`, at === all.length - 1, () => move(one, 1)),
      button('×', `Remove: ${what.toLowerCase()} ${at + 1}`, all.length <= least, () => { all = all.filter((other) => other !== one); show(); })))));
    add.disabled = all.length >= most;
  };
  given.forEach(put);
  show();
  return { element: el('div', {}, place, add), value: () => all.map(({ value }) => value()) };
}

function stepOf(given, what) {
  const meant = pattern(given, what);
  const title = el('input', { value: given.title, maxlength: 256, placeholder: 'Name (optional)', 'aria-label': `Name: ${what}` });
  return {
    element: el('div', { class: 'step' }, title, meant.element),
    focus: meant.focus,
    value: () => ({ title: title.value.trim() || nameOf(meant.value()).slice(0, 256), ...meant.value() }),
  };
}

function exclusionOf(given, what) {
  const meant = pattern(given, what);
  const after = el('input', { type: 'number', min: 1, max: MOST, value: given.after ?? '', placeholder: 'any', 'aria-label': `After step: ${what}` });
  const before = el('input', { type: 'number', min: 1, max: MOST, value: given.before ?? '', placeholder: 'any', 'aria-label': `Before step: ${what}` });
  const at = (input, name) => (input.value ? { [name]: Number(input.value) } : {});
  return {
    element: el('div', { class: 'step' }, meant.element, el('div', { class: 'line small muted' }, 'after step', after, 'before step', before)),
    focus: meant.focus,
    value: () => ({ ...meant.value(), ...at(after, 'after'), ...at(before, 'before') }),
  };
}
