// The frame of every page: controls, chips, panels; it reads the address, and asks anew whenever that changes.

import { el } from '../core/dom.js';
import { ago } from '../core/format.js';
import { readState, searchOf } from '../core/state.js';
import { controls } from './controls.js';
import { chips } from './chips.js';
import { Panel } from './panel.js';
import { navigation } from './navigation.js';
import { sharing } from './sharing.js';

const LIVE_MS = 60_000;
// Events are written within seconds. A site at rest is told apart from a worker that is away on the page Ops.
const STALE_MS = 15 * 60_000;
const shell = JSON.parse(document.getElementById('shell').textContent);

/** What the server said of the viewer: `sites` ({id, timezone, currency}), `canWrite`, `isAdmin`. */
export const viewer = shell;

/**
 * Draws a page. `uses`: which controls it has, of `period compare interval filters bots`. `draw(view)` is called
 * once and puts panels; each panel asks by itself, and again when the address changes.
 */
export function start({ uses = [], draw }) {
  const main = document.querySelector('main');
  const view = new View(main, uses);
  navigation(view);
  main.querySelector('.top').append(...controls(view, uses, shell.sites));
  if (shell.isAdmin && uses.includes('period')) main.querySelector('.top').append(sharing(view));
  if (uses.includes('filters')) chips(view, main.querySelector('.chips'));
  if (shell.sites.length || !uses.length) draw(view);
  else view.panels.append(noSites());
  view.changed();
}

/** A page at work: its state, its panels, and how the state is changed. */
class View {
  #all = [];
  #listeners = [];
  #asOf = '';

  constructor(main, uses) {
    this.uses = uses;
    this.main = main;
    this.panels = main.querySelector('.panels');
    this.state = readState(location.search, shell.sites);
    addEventListener('popstate', () => this.#take(readState(location.search, shell.sites)));
    setInterval(() => document.hidden || this.refresh({ isLive: true }), LIVE_MS);
  }

  /** A new panel, at `parent` or behind the others; see Panel for what it takes. */
  panel(options, parent = this.panels) {
    const panel = new Panel(this, options);
    parent.append(panel.element);
    this.#all.push(panel);
    panel.refresh();
    return panel;
  }

  /** Calls `listener` now and whenever the state changes. */
  watch(listener) {
    this.#listeners.push(listener);
    listener(this.state);
  }

  /** Goes to the state with these changes; a step back in the browser undoes it. */
  set(changes) {
    const next = { ...this.state, ...changes };
    if (searchOf(next) === searchOf(this.state)) return;
    history.pushState(null, '', searchOf(next));
    this.#take(next);
  }

  /** The same for what is the page's own in the address. */
  setOwn(changes) {
    this.set({ own: { ...this.state.own, ...changes } });
  }

  /** Filters by one more value; the same chip twice is one. */
  filter(field, value, op = 'is') {
    const others = this.state.filters.filter((one) => !(one.field === field && one.op === op && one.value === value));
    this.set({ filters: [...others, { field, op, value }] });
  }

  /** Asks again for every panel; where `isLive`, only for those whose figures still grow. */
  refresh({ isLive = false } = {}) {
    for (const panel of this.#all) if (!isLive || panel.isLive) panel.refresh({ isQuiet: isLive });
  }

  /** Says so, once for all panels, where the latest event that any answer knows of was written a while ago. */
  toldOf(asOf) {
    if (asOf > this.#asOf) this.#asOf = asOf;
    const notice = this.main.querySelector('.stale');
    notice.hidden = Date.now() - new Date(this.#asOf).getTime() < STALE_MS;
    notice.textContent = `No event for a while: the latest was written ${ago(this.#asOf)}. `
      + 'The site may be at rest, or the worker away.';
  }

  /** Tells those who watch. */
  changed() {
    for (const listener of this.#listeners) listener(this.state);
  }

  #take(state) {
    this.state = state;
    this.#asOf = '';
    this.main.querySelector('.stale').hidden = true;
    this.changed();
    this.refresh();
  }
}

function noSites() {
  return el('section', { class: 'panel' }, el('div', { class: 'nothing' },
    el('h2', {}, 'No site yet'),
    el('p', {}, 'Name a site under ', el('code', {}, 'sites'), ' in faust.yml, or ask an administrator for one of them.')));
}
