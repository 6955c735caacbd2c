// Funnels: who takes which steps, how far and how fast. One that is being made is asked without being stored.

import { addressOf, get, post, put, remove } from '../core/api.js';
import { shown } from '../core/dimensions.js';
import { el } from '../core/dom.js';
import { money, moment, number, percent, seconds } from '../core/format.js';
import { FIELDS } from '../core/state.js';
import { bars } from '../parts/bars.js';
import { chart } from '../parts/chart.js';
import { said } from '../parts/conditions.js';
import { openDialog } from '../parts/dialog.js';
import { BLANK, MODES, funnelForm, isComplete, windowWords } from '../parts/funnel_form.js';
import { funnelSteps } from '../parts/funnel_steps.js';
import { meaning, proposals } from '../parts/pattern.js';
import { tiles } from '../parts/tiles.js';
import { start, viewer } from '../shell/shell.js';

const BY = ['channel', 'source', 'campaign', 'country', 'device_class', 'browser', 'entry_path'];
const ROWS = 9;
const EMPTY = 'Say of each step above which page or event takes it, then show the funnel.';
let stored = new Map();

start({
  uses: ['period', 'interval', 'bots', 'filters'],
  draw(view) {
    chooser(view);
    builder(view);
    steps(view);
    breakdown(view);
    trend(view);
  },
});

/** The funnels of the site, asked once, until one of them changes. */
function listed(site) {
  if (!stored.has(site.id)) {
    const asked = get('/api/v1/funnels', { site: site.id }).then(({ definitions }) => definitions);
    asked.catch(() => stored.delete(site.id));
    stored.set(site.id, asked);
  }
  return stored.get(site.id);
}

/** What the page is about: { id, definition, version }; no id for one that is being made, null where there is none. */
async function chosen({ site, state }) {
  const all = await listed(site);
  const found = all.find(({ id }) => id === state.own.funnel);
  const draft = draftOf(state);
  if (draft) return { id: found?.id, version: found?.version, definition: draft, isDraft: true };
  return found ?? all[0] ?? null;
}

function draftOf({ own }) {
  try {
    return own.draft ? JSON.parse(own.draft) : null;
  } catch {
    return null;
  }
}

/** Its figures, of who the page counts; null where it has no steps yet. */
async function asked(context, more = {}) {
  const one = await chosen(context);
  if (!one || !isComplete(one.definition)) return null;
  const { site, days, bots, filter, signal } = context;
  // By its definition, stored or not: the answer to an id may be one that was kept from before a change.
  const path = addressOf('/api/v1/funnels/preview', { site: site.id, ...days, bots, filter, ...more });
  const answer = await post(path, one.definition, { signal });
  return { ...answer, definition: one.definition };
}

function chooser(view) {
  view.panel({
    title: 'Your funnels',
    note: 'A funnel counts who takes a number of steps one after the other, and where the others stop.',
    isLive: false,
    load: async (context) => ({ all: await listed(context.site), now: await chosen(context) }),
    draw: (body, { all, now }) => {
      body.append(el('div', { class: 'choose' },
        all.map(({ id, definition }) => el('button', {
          type: 'button', 'aria-pressed': String(id === now?.id), 'data-funnel': id, on: { click: () => view.setOwn({ funnel: id, draft: '' }) },
        }, definition.title)),
        el('button', { type: 'button', class: 'quiet', on: { click: () => view.setOwn({ funnel: '', draft: JSON.stringify(BLANK) }) } }, '+ New funnel')));
      if (!all.length && !now) body.append(el('p', { class: 'muted' }, 'No funnel yet. Make one: it can be seen before it is stored.'));
      if (now && !now.isDraft) body.append(actions(view, now));
    },
  });
}

function actions(view, { id, version, definition }) {
  const button = (title, take) => el('button', { type: 'button', class: 'small', on: { click: take } }, title);
  const isOurs = viewer.canWrite && version > 0;
  return el('p', { class: 'actions' },
    button(isOurs ? 'Change' : 'Copy and change', () => view.setOwn({ funnel: isOurs ? id : '', draft: JSON.stringify(definition) })),
    isOurs && button('Delete', () => askDelete(view, id, definition)),
    version === 0 && el('span', { class: 'muted small' }, 'From faust.yml: it is changed there.'));
}

/** The form, there as long as a draft is in the address. */
function builder(view) {
  const place = el('section', { class: 'panel', 'aria-label': 'Build a funnel', hidden: true });
  view.panels.append(place);
  let drawn;
  let proposed;
  view.watch((state) => {
    const draft = draftOf(state);
    place.hidden = !draft;
    if (draft && proposed !== state.site.id) {
      proposed = state.site.id;
      proposals(state.site).catch(() => { proposed = undefined; });
    }
    const now = draft && state.site.id + state.own.funnel + state.own.draft;
    if (!draft || now === drawn) return;
    drawn = now;
    place.replaceChildren(el('header', {}, el('h2', {}, state.own.funnel ? 'Change the funnel' : 'Build a funnel')), funnelForm(draft, [
      {
        title: 'Show',
        isMain: true,
        take: (definition) => {
          // What is in the form already need not be drawn anew.
          drawn = view.state.site.id + view.state.own.funnel + JSON.stringify(definition);
          view.setOwn({ draft: JSON.stringify(definition) });
        },
      },
      ...(viewer.canWrite ? [{ title: 'Store …', take: (definition) => askStore(view, definition) }] : []),
      { title: 'Close', take: () => view.setOwn({ draft: '' }) },
    ]));
  });
}

function askStore(view, definition) {
  const { site, own } = view.state;
  const title = el('input', { name: 'title', value: definition.title, required: true, maxlength: 256 });
  openDialog(own.funnel ? 'Store the changes' : 'Store the funnel', [el('label', {}, 'Name', title)], {
    action: 'Store',
    take: async () => {
      const told = { ...definition, title: title.value };
      const made = own.funnel
        ? await put(`/api/v1/funnels/${encodeURIComponent(own.funnel)}?site=${site.id}`, told)
        : await post(`/api/v1/funnels?site=${site.id}`, told);
      stored = new Map();
      view.setOwn({ funnel: made.id, draft: '' });
    },
  });
}

function askDelete(view, id, { title }) {
  openDialog(`Delete ${title}?`, [el('p', {}, 'Its versions stay in the history of the API; the page no longer shows it.')], {
    action: 'Delete',
    isDanger: true,
    take: async () => {
      await remove(`/api/v1/funnels/${encodeURIComponent(id)}?site=${view.state.site.id}`);
      stored = new Map();
      view.setOwn({ funnel: '' });
      view.refresh();
    },
  });
}

const whoOf = ({ per }) => (per === 'session' ? 'sessions' : 'visitors');
const began = (part) => part.steps[0]?.visitors ?? 0;
const finished = (part) => part.steps.at(-1)?.visitors ?? 0;

function steps(view) {
  view.panel({
    title: 'Steps',
    load: (context) => asked(context),
    isEmpty: (data) => !data,
    nothing: EMPTY,
    draw: (body, data) => {
      const who = whoOf(data);
      tiles(body, [
        { title: 'Conversion', value: data.conversion, show: percent, hint: `Of the ${who} who began, those who finished` },
        { title: 'Began', value: began(data), show: number },
        { title: 'Finished', value: finished(data), show: number },
        { title: 'Median time to convert', value: data.median_time_to_convert_s, show: (value) => (value === null ? '–' : seconds(value)) },
        { title: 'Revenue', value: data.steps.at(-1).revenue, show: (value) => money(value, data.currency), hint: 'Of those who finished, from the last step on, within the window' },
      ]);
      funnelSteps(body, { steps: data.steps, meanings: meaningsOf(data), who });
      body.append(el('p', { class: 'muted small' }, rules(data)));
    },
    rows: (data) => ({
      caption: `Steps of ${data.title}`,
      columns: [
        { title: 'Step', value: ({ title }) => title },
        ...[['visitors', 'Reached', number], ['conversion', 'Of the step before', percent], ['overall', 'Of the first', percent],
          ['drop_off', 'Dropped off', number], ['median_s', 'Median time', time], ['mean_s', 'Mean time', time],
          ['revenue', 'Revenue', (value) => money(value, data.currency)]]
          .map(([name, title, show]) => ({ title, isNumber: true, value: (row) => row[name], show })),
      ],
      rows: data.steps,
    }),
  });
}

const time = (value) => (value === null ? '–' : seconds(value));
/** In any order the n-th step of the answer is no step of the definition, but a number of them. */
const meaningsOf = ({ mode, definition }) =>
  definition.steps.map((step, at) => (mode === 'unordered' ? `any ${at + 1} of the steps` : meaning(step)));

function rules({ mode, per, definition }) {
  const told = [MODES[mode], `within ${windowWords(definition.window)} of the first step`, per === 'session' ? 'in one session' : 'over all sessions of a visitor'];
  if (definition.exclusions?.length) told.push(`ended by: ${definition.exclusions.map(meaning).join('; ')}`);
  if (definition.filter) told.push(`only where ${said(definition.filter)}`);
  return `${told.join(', ')}.`;
}

function breakdown(view) {
  view.panel({
    title: 'Who converts',
    note: 'By what was so at the first step.',
    size: 'half',
    tabs: BY.map((id) => ({ id, title: FIELDS[id] })),
    load: (context) => asked(context, { breakdown: context.tab, limit: ROWS }),
    isEmpty: (data) => !data?.breakdown.length,
    nothing: 'Nobody began in this period.',
    draw: (body, data, { tab }) => bars(body, {
      label: FIELDS[tab],
      columns: ['Began', 'Finished', 'Conversion'],
      rows: data.breakdown.map((part) => ({
        key: part.value, title: shown(tab, part.value), value: began(part),
        cells: [number(began(part)), number(finished(part)), percent(part.conversion)],
      })),
      choose: (value) => view.filter(tab, value),
    }),
  });
}

function trend(view) {
  view.panel({
    title: 'Over time',
    note: 'By when the first step was taken.',
    size: 'half',
    tabs: [{ id: 'conversion', title: 'Conversion' }, { id: 'count', title: 'Began and finished' }],
    load: (context) => asked(context, { interval: context.interval === 'hour' ? 'day' : context.interval }),
    isEmpty: (data) => !data || !began(data),
    nothing: 'Nobody began in this period.',
    draw: (body, { trend: parts }, { tab, site }) => chart(body, {
      labels: parts.map(({ value }) => moment(value, site.timezone)),
      series: tab === 'conversion'
        ? [{ title: 'Conversion', values: parts.map(({ conversion }) => conversion), show: percent }]
        : [{ title: 'Began', values: parts.map(began), show: number }, { title: 'Finished', values: parts.map(finished), show: number }],
    }),
    rows: ({ trend: parts }, { site }) => ({
      caption: 'Funnel over time',
      columns: [
        { title: 'Began', value: ({ value }) => moment(value, site.timezone) },
        { title: 'Began', isNumber: true, value: began, show: number },
        { title: 'Finished', isNumber: true, value: finished, show: number },
        { title: 'Conversion', isNumber: true, value: ({ conversion }) => conversion, show: percent },
      ],
      rows: parts,
    }),
  });
}
