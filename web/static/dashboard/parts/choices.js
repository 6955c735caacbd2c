// Choices that are a page's own: plain selects above its panels, kept in the address.

import { el } from '../core/dom.js';

/** What is chosen: `all` as choices() takes them; the usual where the address names nothing that there is. */
export const chosen = (state, all) => Object.fromEntries(
  all.map(({ name, options, usual }) => [name, state.own[name] in options ? state.own[name] : usual]),
);

/** `all`: [{ name, label, options: { value: title }, usual, hint }]. Puts them above the panels of the view, in a row that is returned. */
export function choices(view, all) {
  const row = el('div', { class: 'choices', role: 'group', 'aria-label': 'Choices' }, all.map((one) => choice(view, one)));
  view.panels.before(row);
  return row;
}

/** One more choice in `row`, whose options come with an answer: fill([[value, title]], chosen) says them. */
export function lateChoice(view, row, { name, label }) {
  const select = el('select', { name, on: { change: () => view.setOwn({ [name]: select.value }) } });
  row.prepend(el('label', { class: 'small' }, label, select));
  return (options, value) => select.replaceChildren(
    ...options.map(([one, title]) => el('option', { value: one, selected: one === value }, title)),
  );
}

function choice(view, { name, label, options, usual, hint }) {
  const made = el('select', { name, on: { change: () => view.setOwn({ [name]: made.value === usual ? '' : made.value }) } },
    Object.entries(options).map(([value, title]) => el('option', { value }, title)));
  view.watch(({ own }) => { made.value = own[name] in options ? own[name] : usual; });
  return el('label', { class: 'small', title: hint }, label, made);
}
