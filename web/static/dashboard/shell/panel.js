// A panel asks one question and shows it: while it waits, when there is nothing, when it failed, and how fresh it is.

import { el } from '../core/dom.js';
import { ago, clock } from '../core/format.js';
import { daysOf, filterOf, intervalOf, isLive } from '../core/state.js';
import { table } from '../parts/table.js';

/**
 * `title`; `size`: '' (whole width), 'half', 'third'; `note`: a sentence under the title.
 * `tabs`: [{ id, title }], the chosen one is `context.tab`.
 * `load(context)`: the data; `context` has `state site days interval filter bots tab signal`.
 * `isEmpty(data)`, `nothing`: what is said then. `draw(body, data, context)`: fills the body.
 * `rows(data, context)`: { columns, rows } as table() takes them: the same figures to read, copy, and hear.
 */
export class Panel {
  #view;
  #options;
  #asking;
  #tab;
  #data;
  #asTable = false;

  constructor(view, options) {
    this.#view = view;
    this.#options = options;
    this.#tab = options.tabs?.[0].id;
    this.body = el('div', { class: 'body' }, el('div', { class: 'skeleton loading' }));
    this.foot = el('footer', {});
    this.element = el('section', { class: `panel ${options.size ?? ''}`, 'aria-label': options.title, 'aria-busy': 'true' },
      this.#header(), this.body, this.foot);
    // A canvas has the colours in it.
    addEventListener('wua-theme', () => this.#data !== undefined && this.#draw());
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => this.#data !== undefined && this.#draw());
  }

  /** Whether its figures may have changed since they were asked. */
  get isLive() {
    return this.#options.isLive ?? (this.#view.uses.includes('period') && isLive(this.#view.state));
  }

  /** Asks again; where `isQuiet`, what is shown stays until the answer is there, also if none comes. */
  async refresh({ isQuiet = false } = {}) {
    this.#asking?.abort();
    const asking = new AbortController();
    this.#asking = asking;
    if (!isQuiet) this.element.setAttribute('aria-busy', 'true');
    try {
      const data = await this.#options.load(this.#context(asking.signal));
      if (asking.signal.aborted) return;
      this.#data = data;
      this.#draw();
    } catch (error) {
      if (asking.signal.aborted) return;
      this.#failed(error);
    }
    this.element.removeAttribute('aria-busy');
  }

  #context(signal) {
    const { state } = this.#view;
    return {
      state, signal, tab: this.#tab, site: state.site, days: daysOf(state), interval: intervalOf(state),
      filter: this.#view.uses.includes('filters') ? filterOf(state) : undefined,
      bots: state.bots || undefined, view: this.#view,
    };
  }

  #header() {
    const { title, note, tabs, rows } = this.#options;
    const header = el('header', {}, el('h2', {}, title));
    if (tabs) header.append(this.#tabs(tabs));
    if (rows) {
      const button = el('button', { type: 'button', class: 'quiet small', 'aria-pressed': 'false' }, 'Table');
      button.addEventListener('click', () => {
        this.#asTable = !this.#asTable;
        button.setAttribute('aria-pressed', String(this.#asTable));
        button.textContent = this.#asTable ? 'Chart' : 'Table';
        if (this.#data !== undefined) this.#draw();
      });
      header.append(button);
    }
    if (note) header.append(el('p', { class: 'muted small' }, note));
    return header;
  }

  #tabs(tabs) {
    const list = el('div', { class: 'tabs', role: 'tablist', 'aria-label': this.#options.title });
    const buttons = tabs.map(({ id, title }) => el('button', {
      type: 'button', role: 'tab', 'aria-selected': String(id === this.#tab), tabindex: id === this.#tab ? 0 : -1,
      on: { click: () => choose(id) },
    }, title));
    const choose = (id) => {
      this.#tab = id;
      tabs.forEach((tab, at) => {
        buttons[at].setAttribute('aria-selected', String(tab.id === id));
        buttons[at].tabIndex = tab.id === id ? 0 : -1;
      });
      this.refresh();
    };
    list.addEventListener('keydown', ({ key }) => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[key];
      if (!step) return;
      const at = tabs.findIndex(({ id }) => id === this.#tab);
      const next = (at + step + tabs.length) % tabs.length;
      choose(tabs[next].id);
      buttons[next].focus();
    });
    list.append(...buttons);
    return list;
  }

  #draw() {
    const { draw, isEmpty, nothing, rows } = this.#options;
    const context = this.#context(this.#asking.signal);
    this.body.replaceChildren();
    this.#fresh();
    if (isEmpty?.(this.#data)) this.body.append(el('div', { class: 'nothing' }, el('p', {}, nothing ?? 'Nothing in this period.')));
    else if (this.#asTable) this.body.append(table(rows(this.#data, context)));
    else draw(this.body, this.#data, context);
  }

  #failed(error) {
    this.#data = undefined;
    this.body.replaceChildren(el('div', { class: 'trouble', role: 'alert' },
      el('strong', {}, error.title ?? 'This could not be shown'),
      el('p', {}, error.message),
      el('button', { type: 'button', on: { click: () => this.refresh() } }, 'Try again')));
    this.foot.replaceChildren();
    if (!error.status && error.status !== 0) console.error(error);
  }

  #fresh() {
    const { as_of: asOf, layer } = this.#data ?? {};
    this.foot.replaceChildren();
    if (!layer) return;
    const { site } = this.#view.state;
    this.foot.append(el('span', { title: 'The tables that this comes from' }, layer));
    if (!asOf) return;
    this.foot.append(el('span', { title: clock(asOf, site.timezone) }, `Latest event written ${ago(asOf)}`));
    if (this.isLive) this.#view.toldOf(asOf);
  }
}
