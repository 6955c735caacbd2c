// What goes on now: who is here, the last half hour by minute, and what they look at. The server tells it by itself.

import { el } from '../core/dom.js';
import { follow } from '../core/feed.js';
import { shown } from '../core/dimensions.js';
import { clock, number } from '../core/format.js';
import { FIELDS, searchOf } from '../core/state.js';
import { bars } from '../parts/bars.js';
import { columns } from '../parts/columns.js';
import { tiles } from '../parts/tiles.js';
import { start } from '../shell/shell.js';

const QUIET = 'Nobody in the last 30 minutes. As soon as somebody comes, it shows here.';

const SESSIONS = { key: 'value', second: ['Sessions', 'sessions'] };

/** The stream of a site: the panels show its latest answer. It rests while nobody looks at the tab. */
class Feed {
  panels = [];
  #view;
  #tell;
  #following;
  #latest;
  #arrived;
  #about;

  constructor(view, tell) {
    this.#view = view;
    this.#tell = tell;
    view.watch(() => this.#follow());
    document.addEventListener('visibilitychange', () => this.#follow());
  }

  /** The latest answer, or the first that comes. */
  answer() {
    return this.#latest ?? this.#arrived;
  }

  #follow() {
    const { site, bots } = this.#view.state;
    const path = `/api/v1/sites/${encodeURIComponent(site.id)}/realtime/stream${bots ? `?bots=${bots}` : ''}`;
    if (path !== this.#about || document.hidden) this.#following?.abort();
    if (path !== this.#about) this.#begin();
    this.#about = path;
    if (document.hidden || (this.#following && !this.#following.signal.aborted)) return;
    this.#following = new AbortController();
    follow(path, { signal: this.#following.signal, take: (answer) => this.#take(answer), tell: (isThere, error) => this.#lost(isThere, error) });
  }

  #begin() {
    this.#latest = undefined;
    this.#arrived = new Promise((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
    // Nobody may be waiting for it.
    this.#arrived.catch(() => {});
  }

  #take(answer) {
    const isFirst = !this.#latest;
    this.#latest = answer;
    this.resolve(answer);
    for (const panel of this.panels) if (!isFirst) panel.refresh({ isQuiet: true });
  }

  #lost(isThere, error) {
    this.#tell(isThere, error);
    if (isThere || this.#latest) return;
    // Nothing is shown yet: the panels say what is the matter, and ask the next promise when they are told to.
    const { reject } = this;
    this.#begin();
    reject(error);
  }
}

/** Says whether the figures follow; gives what is told about it. */
function status(view) {
  const badge = el('span', { class: 'badge', role: 'status' }, 'Connecting …');
  view.main.querySelector('.top h1').after(badge);
  return (isThere, error) => {
    const said = isThere ? 'Live' : 'Connection lost, trying again …';
    if (badge.textContent === said) return;
    badge.textContent = said;
    badge.className = `badge ${isThere ? 'good' : 'warn'}`;
    badge.title = isThere ? '' : `${error.title}: ${error.message}`;
  };
}

function now(body, answer, { site }) {
  tiles(body, [
    { title: 'Visitors now', value: answer.here, show: number, hint: 'Who did something in the last 5 minutes' },
    { title: 'Visitors in 30 minutes', value: answer.visitors, show: number },
    { title: 'Page views in 30 minutes', value: answer.page_views, show: number },
    { title: 'Events in 30 minutes', value: answer.events, show: number },
  ]);
  body.append(el('p', { class: 'muted small' }, `Now: who did something in the last 5 minutes. As of ${clock(answer.at, site.timezone)}.`));
}

const hour = (at, zone) => new Intl.DateTimeFormat('en', { hour: '2-digit', minute: '2-digit', hourCycle: 'h23', timeZone: zone }).format(new Date(at));

function minutes(body, { minutes: all }, { site }) {
  columns(body, {
    labels: all.map(({ at }) => hour(at, site.timezone)),
    series: [{ title: 'Page views', values: all.map(({ page_views: views }) => views) }],
    show: number,
    height: 180,
  });
}

function minuteRows({ minutes: all }, { site }) {
  return {
    caption: 'The last 30 minutes',
    columns: [
      { title: 'Minute', value: ({ at }) => hour(at, site.timezone) },
      { title: 'Visitors', isNumber: true, value: ({ visitors }) => visitors, show: number },
      { title: 'Page views', isNumber: true, value: ({ page_views: views }) => views, show: number },
      { title: 'Events', isNumber: true, value: ({ events }) => events, show: number },
    ],
    rows: all,
  };
}

/** Values by their visitors; one that is chosen is shown by the overview of today. */
function list(view, body, field, rows, { key, second: [title, name] }) {
  bars(body, {
    label: FIELDS[field],
    columns: ['Visitors', title],
    rows: rows.map((row) => ({
      key: row[key], title: shown(field, row[key]), value: row.visitors, cells: [number(row.visitors), number(row[name])],
    })),
    choose: (value) => location.assign(`/${searchOf({ ...view.state, period: 'today', filters: [{ field, op: 'is', value }], own: {} })}`),
  });
}

start({
  uses: ['bots'],
  draw(view) {
    const feed = new Feed(view, status(view));
    const panel = (options) => feed.panels.push(view.panel({ load: () => feed.answer(), ...options }));
    panel({ title: 'Now', draw: now });
    panel({ title: 'Last 30 minutes', draw: minutes, rows: minuteRows });
    panel({
      title: 'Pages',
      size: 'third',
      isEmpty: ({ pages }) => !pages.length,
      nothing: QUIET,
      draw: (body, { pages }) => list(view, body, 'path', pages, { key: 'path', second: ['Views', 'page_views'] }),
    });
    panel({
      title: 'Where from',
      size: 'third',
      tabs: [{ id: 'channel', title: 'Channel' }, { id: 'source', title: 'Source' }],
      isEmpty: ({ channels }) => !channels.length,
      nothing: QUIET,
      draw: (body, { channels, sources }, { tab }) => list(view, body, tab, tab === 'channel' ? channels : sources, SESSIONS),
    });
    panel({
      title: 'Countries',
      size: 'third',
      isEmpty: ({ countries }) => !countries.length,
      nothing: QUIET,
      draw: (body, { countries }) => list(view, body, 'country', countries, SESSIONS),
    });
  },
});
