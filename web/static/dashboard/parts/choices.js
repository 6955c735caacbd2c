// Choices that are a page's own: plain selects above its panels, kept in the address.

import { el } from '../core/dom.js';

/** What is chosen: `all` as choices() takes them; the usual where the address names nothing that there is. */
export const chosen = (state, all) => Object.fromEntries(
  all.map(({ name, options, usual }) => [name, state.own[name] in options ? state.own[name] : usual]),
);

/** `all`: [{ name, label, options: { value: title }, usual, hint }]. Puts them above the panels of the view. */
export function choices(view, all) {
  view.panels.before(el('div', { class: 'choices', role: 'group', 'aria-label': 'Choices' }, all.map((one) => choice(view, one))));
}

function choice(view, { name, label, options, usual, hint }) {
  const made = el('select', { name, on: { change: () => view.setOwn({ [name]: made.value === usual ? '' : made.value }) } },
    Object.entries(options).map(([value, title]) => el('option', { value }, title)));
  view.watch(({ own }) => { made.value = own[name] in options ? own[name] : usual; });
  return el('label', { class: 'small', title: hint }, label, made);
}
