// One person by a user id or a visitor id: what they did, their sessions; and for administrators, their rights.

import { get, post } from '../core/api.js';
import { el } from '../core/dom.js';
import { shown } from '../core/dimensions.js';
import { clock, money, number, seconds } from '../core/format.js';
import { bars } from '../parts/bars.js';
import { badge, facts, when } from '../parts/facts.js';
import { happenings } from '../parts/happenings.js';
import { table } from '../parts/table.js';
import { confirm, tell } from '../parts/telling.js';
import { tiles } from '../parts/tiles.js';
import { start, viewer } from '../shell/shell.js';

const KEPT_MS = 60_000;
let asked = {};

start({
  uses: ['period', 'bots'],
  draw(view) {
    view.panel({ title: 'Look somebody up', note: 'By the user id that your site gives, or by a visitor id.', load: () => ({}), draw: search });
    const found = [
      view.panel({ title: 'In this period', load: person, isEmpty: isNobody, nothing: 'Nobody by this id in this period. Choose other days, or look at the id.', draw: totals }),
      viewer.isAdmin && view.panel({ title: 'What is held of this person', note: 'To hand out or to erase, as the person asks (GDPR, articles 15 and 17).', load: () => ({}), draw: rights }),
      view.panel({ title: 'Sessions of this person', load: person, isEmpty: (data) => isNobody(data) || !data.sessions.length, nothing: 'No session began in this period.', draw: sessions }),
      view.panel({ title: 'Latest events', size: 'half', load: person, isEmpty: isNobody, nothing: 'No event in this period.', draw: timeline }),
      view.panel({ title: 'Pages', size: 'half', load: person, isEmpty: (data) => isNobody(data) || !data.pages.length, nothing: 'No page in this period.', draw: pages }),
    ].filter(Boolean);
    view.watch(({ own }) => {
      for (const panel of found) panel.element.hidden = !own.person;
    });
  },
});

/** What the person did, asked once for all panels; null where nobody is named, or nobody is there. */
function person({ site, days, bots, state, signal }) {
  const id = state.own.person;
  if (!id) return null;
  const key = JSON.stringify([site.id, days, bots, id]);
  if (asked.key !== key || Date.now() - asked.at > KEPT_MS) {
    const answer = get(`/api/v1/users/${encodeURIComponent(id)}/behavior`, { site: site.id, ...days, bots })
      .catch((error) => {
        asked = {};
        if (error.status === 404) return null;
        throw error;
      });
    asked = { key, at: Date.now(), answer };
  }
  signal.throwIfAborted();
  return asked.answer;
}

function isNobody(data) {
  return !data;
}

function search(body, _, { state, view }) {
  const id = el('input', { type: 'search', name: 'person', 'aria-label': 'User or visitor id', placeholder: 'User or visitor id', value: state.own.person ?? '', required: true, maxlength: 256 });
  body.append(el('form', {
    class: 'actions',
    on: {
      submit: (event) => {
        event.preventDefault();
        view.setOwn({ person: id.value.trim() });
      },
    },
  }, id, el('button', { class: 'primary' }, 'Look up')));
  if (!state.own.person) {
    body.append(el('p', { class: 'muted small' }, 'Ids stand in the sessions: ', el('a', { href: `/sessions${location.search}` }, 'Sessions'), '.'));
  }
}

function totals(body, one, { site }) {
  tiles(body, [
    { id: 'session_count', title: 'Sessions', value: one.session_count, show: number },
    { id: 'page_views', title: 'Page views', value: one.page_views, show: number },
    { id: 'events', title: 'Events', value: one.events, show: number },
    { id: 'conversions', title: 'Conversions', value: one.conversions, show: number },
    { id: 'revenue', title: 'Revenue', value: one.revenue, show: (value) => money(value) },
    { id: 'engaged_s', title: 'Engaged', value: one.engaged_s, show: seconds, hint: 'With the page in view and in use' },
  ]);
  const others = one.known_as.filter((id) => id !== one.user_id);
  facts(body, [
    ['Id in use', one.user_id],
    ['Also known as', others.join(', ')],
    ['Visitors (browsers)', number(one.visitors)],
    ['First seen', clock(one.first_seen_at, site.timezone)],
    ['Last seen', clock(one.last_seen_at, site.timezone)],
  ]);
}

function sessions(body, { sessions: rows, session_count: all }, { site, state }) {
  const href = (id) => {
    const said = new URLSearchParams(location.search);
    for (const name of Object.keys(state.own)) said.delete(name);
    said.set('session', id);
    return `/sessions?${said}`;
  };
  body.append(table({
    caption: 'Sessions of this person',
    columns: [
      { title: 'Began', value: (row) => row, show: (row) => el('a', { href: href(row.session_id) }, when(row.started_at, site.timezone)) },
      { title: 'Duration', isNumber: true, value: (row) => row.duration_s, show: seconds },
      { title: 'Pages', isNumber: true, value: (row) => row.page_views, show: number },
      { title: 'Entry page', value: (row) => row.entry_path || '–' },
      { title: 'Exit page', value: (row) => row.exit_path || '–' },
      { title: 'Channel', value: (row) => row.channel },
      { title: 'Device', value: (row) => shown('device_class', row.device_class) },
      { title: 'Marks', value: (row) => row, show: (row) => el('span', { class: 'marks' }, row.is_bounce && badge('Bounce'), row.conversions > 0 && badge(`${number(row.conversions)} converted`, 'good')) },
    ],
    rows,
  }));
  if (all > rows.length) body.append(el('p', { class: 'small' }, `The latest ${number(rows.length)} of ${number(all)}.`));
}

function timeline(body, { timeline: events, events: all }, { site }) {
  happenings(body, events.slice(0, 40), { zone: site.timezone, hasDay: true });
  if (all > 40) body.append(el('p', { class: 'small' }, `The latest 40 of ${number(all)}; sessions show each whole.`));
}

function pages(body, { pages: rows }) {
  bars(body, {
    label: 'Page',
    columns: ['Views', 'Engaged'],
    rows: rows.slice(0, 20).map((row) => ({ key: row.path, title: row.path, value: row.page_views, cells: [number(row.page_views), seconds(row.engaged_s)] })),
  });
}

/** Whom an administrator means by an id: a user has every visitor that was the user; a visitor is one browser. */
function rights(body, _, { site, state, view }) {
  const id = state.own.person;
  const as = el('select', { 'aria-label': 'The id is of' },
    el('option', { value: 'user' }, 'A user, with every browser of theirs'), el('option', { value: 'visitor' }, 'One visitor (browser)'));
  const path = `/api/v1/sites/${site.id}/persons`;
  const export_ = async () => {
    try {
      save(await get(`${path}/export`, { [as.value]: id }), `person-${site.id}.json`);
      tell('The export is saved: every row and open session that is held of this person.');
    } catch (error) {
      tell(error.message);
    }
  };
  const erase = () => confirm('Erase this person', {
    says: 'Every event, session and figure of this person on this site is removed from every table and the state store. '
      + 'It cannot be undone, and takes up to a minute.',
    word: id,
    action: 'Erase for good',
    take: async () => {
      const report = await post(`${path}/erase`, { [as.value]: id });
      asked = {};
      tell(erased(report));
      view.refresh();
    },
  });
  body.append(el('p', { class: 'actions' }, as,
    el('button', { type: 'button', on: { click: export_ } }, 'Export as JSON'),
    el('button', { type: 'button', class: 'danger', on: { click: erase } }, 'Erase …')));
}

const erased = ({ was_known: wasKnown, is_complete: isComplete, visitor_ids: visitors }) => {
  if (!wasKnown) return 'Nothing is held under this id.';
  return isComplete ? `Erased: nothing is left of ${number(visitors.length)} visitors.` : 'Something is left: ask again, or look at `wua erase`.';
};

function save(data, name) {
  const url = URL.createObjectURL(new Blob([JSON.stringify(data, null, 2)], { type: 'application/json' }));
  const link = el('a', { href: url, download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 1000);
}
