// Links to the other pages keep site, period and filters; the theme; the menu of a small screen.

import { el } from '../core/dom.js';
import { searchOf } from '../core/state.js';

const THEMES = { '': 'As the system', light: 'Light', dark: 'Dark' };

/** Makes the navigation that the server wrote follow the state. */
export function navigation(view) {
  const links = [...document.querySelectorAll('.side nav a')];
  view.watch((state) => {
    for (const link of links) link.search = searchOf({ ...state, own: {} });
  });
  const menu = document.querySelector('.side .menu');
  const small = matchMedia('(max-width: 900px)');
  const fold = () => { menu.open = !small.matches; };
  small.addEventListener('change', fold);
  fold();
  document.querySelector('.side .who').prepend(themes());
}

function themes() {
  const chosen = document.documentElement.dataset.theme ?? '';
  const select = el('select', { 'aria-label': 'Colours' },
    Object.entries(THEMES).map(([value, title]) => el('option', { value, selected: value === chosen }, title)));
  select.addEventListener('change', () => {
    document.documentElement.dataset.theme = select.value;
    localStorage.setItem('wua-theme', select.value);
    dispatchEvent(new Event('wua-theme'));
  });
  return select;
}
