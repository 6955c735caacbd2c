// How good the events were that came: their score, what was refused and why, and which programs came.

import { get, post } from '../core/api.js';
import { el } from '../core/dom.js';
import { clock, moment, number, percent, words } from '../core/format.js';
import { bars } from '../parts/bars.js';
import { chart } from '../parts/chart.js';
import { openDialog } from '../parts/dialog.js';
import { badge, facts, when } from '../parts/facts.js';
import { beginsAnew, paging } from '../parts/paging.js';
import { table } from '../parts/table.js';
import { tell } from '../parts/telling.js';
import { tiles } from '../parts/tiles.js';
import { start, viewer } from '../shell/shell.js';

const SHARES = [
  { id: 'score', title: 'Score', hint: 'Events with no fault at all: the four others together' },
  { id: 'completeness', title: 'Complete', hint: 'Nothing is missing that every browser tells' },
  { id: 'validity', title: 'Valid', hint: 'Not refused for what is in them' },
  { id: 'timeliness', title: 'In time', hint: 'Not refused for their time, and not long under way' },
  { id: 'uniqueness', title: 'Unique', hint: 'Not sent before' },
].map((one) => ({ ...one, show: percent }));
const FATES = [
  { id: 'accepted', title: 'Accepted' }, { id: 'rejected', title: 'Refused' }, { id: 'duplicates', title: 'Duplicates' },
];
const KINDS = {
  ai_crawler: 'AI crawlers', ai_fetcher: 'AI fetchers', search_crawler: 'Search crawlers', monitor: 'Monitors',
  automation: 'Automation', other: 'Others',
};
const LETTERS = 25;

start({
  uses: ['period'],
  draw(view) {
    view.panel({
      title: 'Quality score',
      note: 'Which share of the received events had no fault, by the hour in which they came.',
      load: quality,
      isEmpty: ({ hours }) => !hours.length,
      nothing: 'No event came in this period.',
      draw: scores,
      rows: byHour(SHARES),
    });
    view.panel({
      title: 'What became of them',
      load: quality,
      isEmpty: ({ hours }) => !hours.length,
      nothing: 'No event came in this period.',
      draw: fates,
      rows: byHour(FATES.map((one) => ({ ...one, show: number }))),
    });
    view.panel({
      title: 'Which bots came',
      note: 'Programs that said who they are, or that behaved like one. Reports of people leave them out.',
      load: bots,
      isEmpty: ({ bots: all }) => !all.length,
      nothing: 'No bot came in this period.',
      draw: whoCame,
    });
    view.panel({
      title: 'Bots in detail',
      size: 'half',
      tabs: [{ id: 'name', title: 'By name' }, { id: 'kind', title: 'By kind' }, { id: 'reason', title: 'By reason' }],
      load: bots,
      isEmpty: ({ bots: all }) => !all.length,
      nothing: 'No bot came in this period.',
      draw: botRows,
    });
    view.panel({
      title: 'Pages that AI read',
      size: 'half',
      note: 'Crawled: read to train or index. Fetched: read to answer somebody now. Sent: sessions from an assistant.',
      load: bots,
      isEmpty: ({ ai_pages: pages }) => !pages.length,
      nothing: 'No AI program read a page in this period.',
      draw: (body, { ai_pages: pages }) => body.append(table({
        caption: 'Pages that AI read',
        columns: [
          { title: 'Page', value: ({ path }) => path },
          ...['crawled', 'fetched'].map((id) => ({ title: words(id), isNumber: true, value: (page) => page[id], show: number })),
          { title: 'Sent', isNumber: true, value: ({ referred }) => referred, show: number },
        ],
        rows: pages.slice(0, 12),
      })),
    });
    if (viewer.isAdmin) refused(view);
  },
});

function quality({ site, days, signal }) {
  return get(`/api/v1/sites/${site.id}/quality`, days, { signal });
}

function bots({ site, days, signal }) {
  return get(`/api/v1/sites/${site.id}/bots`, days, { signal });
}

/** Figures by hour, as a table. */
function byHour(figures) {
  return ({ hours }, { site }) => ({
    caption: 'By hour',
    columns: [
      { title: 'Hour', value: ({ at }) => moment(at, site.timezone) },
      ...figures.map(({ id, title, show }) => ({ title, isNumber: true, value: (hour) => hour[id], show })),
    ],
    rows: hours,
  });
}

function scores(body, { total, hours }, { state, site, view }) {
  const chosen = SHARES.find(({ id }) => id === state.own.share) ?? SHARES[0];
  tiles(body, SHARES.map((one) => ({ ...one, value: total[one.id] })),
    { chosen: chosen.id, choose: (share) => view.setOwn({ share: share === 'score' ? '' : share }) });
  chart(body, {
    labels: hours.map(({ at }) => moment(at, site.timezone)),
    series: [{ title: chosen.title, values: hours.map((hour) => hour[chosen.id]), show: percent }],
    height: 200,
  });
}

function fates(body, { total, hours }, { site }) {
  const part = ({ id, title }, sign) => el('span', { 'data-fate': id }, sign, el('strong', {}, number(total[id])), ` ${title.toLowerCase()}`);
  body.append(el('p', { class: 'sum' },
    part({ id: 'received', title: 'Received' }, ''), ...FATES.map((one, nth) => part(one, nth ? '+ ' : '= '))));
  chart(body, {
    labels: hours.map(({ at }) => moment(at, site.timezone)),
    series: FATES.map(({ id, title }) => ({ title, values: hours.map((hour) => hour[id]), show: number })),
    height: 180,
  });
}

/** The names of those who came, by what they are for: what one wants to know first. */
function whoCame(body, { bots: all, events }) {
  for (const [kind, title] of Object.entries(KINDS)) {
    const some = all.filter((one) => one.kind === kind);
    if (!some.length) continue;
    body.append(el('h3', {}, title), el('ul', { class: 'came', 'data-kind': kind }, some.map(({ name, events: count }) =>
      el('li', {}, el('strong', {}, name || 'Unnamed'), el('span', { class: 'muted small' }, `${number(count)} events`)))));
  }
  body.append(el('p', { class: 'muted small' }, `${number(events)} events of bots in all`));
}

function botRows(body, { bots: all, reasons }, { tab }) {
  const row = (key, title, { events, page_views: views }) => ({ key, title, value: events, cells: [number(events), ...(views === undefined ? [] : [number(views)])] });
  const kinds = Object.entries(KINDS).map(([kind, title]) => row(kind, title, total(all.filter((one) => one.kind === kind))));
  const rows = {
    name: () => all.slice(0, 15).map((one) => row(`${one.kind} ${one.name}`, one.name || `Unnamed (${words(one.kind).toLowerCase()})`, one)),
    kind: () => kinds.filter(({ value }) => value).sort((one, other) => other.value - one.value),
    reason: () => reasons.map(({ reason, events }) => row(reason, words(reason), { events })),
  }[tab]();
  bars(body, {
    label: { name: 'Name', kind: 'Kind', reason: 'Why it is taken for a bot' }[tab],
    columns: tab === 'reason' ? ['Events'] : ['Events', 'Page views'],
    rows,
    more: tab === 'reason' && 'An event counts under each reason that holds.',
  });
}

const total = (all) => ({
  events: all.reduce((sum, { events }) => sum + events, 0),
  page_views: all.reduce((sum, { page_views: views }) => sum + views, 0),
});

/** What administrators see of refused events, since payloads hold personal data. */
function refused(view) {
  const asked = ({ site, days, state }) => ({ site: site.id, since: days.from, reason: state.own.reason });
  const one = view.panel({
    title: 'A refused event',
    load: ({ site, state, signal }) => (state.own.letter ? get(`/api/v1/dead-letters/${encodeURIComponent(state.own.letter)}`, { site: site.id }, { signal }) : null),
    draw: (body, data, context) => data && letter(body, data, context),
  });
  view.watch(({ own }) => { one.element.hidden = !own.letter; });
  view.panel({
    title: 'Refused, by reason',
    size: 'third',
    note: 'Refused by the worker since the first day of the period, until now.',
    load: ({ signal, ...context }) => get('/api/v1/dead-letters', { ...asked(context), reason: '', limit: 1 }, { signal }),
    isEmpty: ({ by_reason: reasons }) => !reasons.length,
    nothing: 'Nothing was refused.',
    draw: (body, { by_reason: reasons }, { state }) => bars(body, {
      label: 'Reason',
      columns: ['Events'],
      rows: reasons.map((one) => ({ key: one.reason, title: words(one.reason), value: one.letters, cells: [number(one.letters)] })),
      choose: (reason) => view.setOwn({ reason: reason === state.own.reason ? '' : reason, after: '', letter: '' }),
    }),
  });
  const list = view.panel({
    title: 'Refused events',
    load: ({ signal, ...context }) =>
      get('/api/v1/dead-letters', { ...asked(context), limit: LETTERS, cursor: context.state.own.after }, { signal }),
    isEmpty: ({ letters }) => !letters.length,
    nothing: 'Nothing was refused. What is refused is kept here with its payload, and can be sent back.',
    draw: (body, data, context) => letters(body, data, context, asked(context)),
  });
  list.element.classList.add('two-thirds');
  beginsAnew(view, 'after');
}

function letters(body, { letters: rows, next_cursor: next }, { site, state, view }, asked) {
  const { reason } = state.own;
  body.append(el('p', { class: 'actions' },
    el('button', { type: 'button', on: { click: () => sendBack(view, { ...asked, reason: reason || undefined }) } }, 'Send back …'),
    el('span', { class: 'muted small' }, reason ? `Only: ${words(reason).toLowerCase()}` : 'Of every reason'),
    reason && el('button', { type: 'button', class: 'quiet small', on: { click: () => view.setOwn({ reason: '', after: '' }) } }, 'All reasons')));
  body.append(table({
    caption: 'Refused events',
    columns: [
      { title: 'Refused', value: ({ refused_at: at }) => at, show: (at) => when(at, site.timezone) },
      { title: 'Reason', value: (row) => words(row.reason), show: (text, row) => el('span', { title: row.detail }, text) },
      { title: 'Field', value: ({ field }) => field || '–' },
      { title: 'Event', value: ({ name, event_type: type }) => name || words(type) || 'Not readable' },
      { title: 'Now', value: standing },
    ],
    rows,
    onRow: ({ id }) => {
      view.setOwn({ letter: id });
      document.querySelector('[aria-label="A refused event"]').scrollIntoView();
    },
  }));
  paging(body, { view, own: 'after', next, names: ['Newest', 'Older'] });
}

const standing = ({ is_superseded: isSuperseded, replays }) =>
  (isSuperseded ? 'Refused again later' : replays ? `Sent back ${number(replays)} times` : 'Waits');

function letter(body, one, { site, view }) {
  facts(body, [
    ['Refused', clock(one.refused_at, site.timezone)],
    ['Received', clock(one.received_at, site.timezone)],
    ['Reason', words(one.reason)],
    ['What is wrong', one.detail],
    ['Field', one.field],
    ['Step', words(one.step)],
    ['Visitor', one.visitor_id],
    ['Id', one.id],
    ['Now', one.is_accepted ? badge('The same event was accepted since', 'good') : standing(one)],
  ]);
  body.append(el('h3', {}, 'Payload, as it came'), el('pre', { class: 'raw', tabindex: 0 }, pretty(one.payload)));
  if (one.history.length) {
    body.append(el('h3', {}, 'Earlier refusals'), table({
      caption: 'Earlier refusals',
      columns: [
        { title: 'Refused', value: ({ refused_at: at }) => at, show: (at) => when(at, site.timezone) },
        { title: 'Reason', value: ({ reason }) => words(reason) },
        { title: 'What is wrong', value: ({ detail }) => detail },
      ],
      rows: one.history,
    }));
  }
  body.append(el('p', { class: 'actions' },
    el('button', { type: 'button', on: { click: () => sendBack(view, { ids: [one.id], site: site.id }) } }, 'Send this one back …'),
    el('button', { type: 'button', class: 'quiet', on: { click: () => view.setOwn({ letter: '' }) } }, 'Close')));
}

function pretty(payload) {
  try {
    return JSON.stringify(JSON.parse(payload), null, 2);
  } catch {
    return payload;
  }
}

/** First says what would become of them, then sends those that would be taken. */
async function sendBack(view, which) {
  const replay = (changes) => post('/api/v1/dead-letters/replay', { ...which, ...changes });
  const plan = await replay({ dry_run: true }).catch((error) => tell(error.message));
  if (!plan) return;
  openDialog('Send back to be taken once more', [
    el('p', {}, fate(plan, 'would be sent')),
    el('p', { class: 'muted small' }, 'An event counts once, however often it is sent. Change what refused it first '
      + '(the grace period, the rules of the site); else it is refused again.'),
    el('label', {}, el('span', {}, el('input', { type: 'checkbox', name: 'force' }), ' Send also what would be refused again')),
  ], {
    action: 'Send back',
    take: async (form) => {
      tell(fate(await replay({ force: form.has('force') }), 'sent back'));
      view.refresh();
    },
  });
}

const fate = (came, sent) => [
  `${number(came.sent)} ${sent}`, `${number(came.refused_again)} would be refused again`,
  `${number(came.already_accepted)} accepted already`, `${number(came.superseded + came.repeated)} refused again later`,
  `${number(came.unreadable)} not readable`,
].filter((text, nth) => nth === 0 || !text.startsWith('0 ')).join('; ') + '.';
