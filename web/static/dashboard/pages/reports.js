// Reports: made of a template for the chosen days, watched, taken away; and those that are sent by themselves.

import { get, post, remove } from '../core/api.js';
import { el } from '../core/dom.js';
import { bytes, number, percent, words } from '../core/format.js';
import { plus } from '../core/state.js';
import { openDialog } from '../parts/dialog.js';
import { badge, when } from '../parts/facts.js';
import { paging } from '../parts/paging.js';
import { table } from '../parts/table.js';
import { confirm, tell } from '../parts/telling.js';
import { start, viewer } from '../shell/shell.js';

const TEMPLATES = {
  overview: 'Overview: the headline figures and how they went',
  acquisition: 'Acquisition: channels, sources, devices',
  content: 'Content: the pages',
  conversion: 'Conversion: by channel, by entry page, funnels',
  performance: 'Performance: how fast the pages were',
};
const FORMATS = { pdf: 'PDF', html: 'HTML', xlsx: 'Excel (xlsx)', csv: 'CSV', parquet: 'Parquet', json: 'JSON' };
const CADENCES = { daily: 'Every day, about the day before', weekly: 'Every Monday, about the week before', monthly: 'Every first, about the month before' };
const STATES = { done: 'good', failed: 'bad' };
const OPEN = new Set(['queued', 'running', 'delivering']);
const LINES = 20;
const LOOK_MS = 1000;

start({
  uses: ['period', 'bots'],
  draw(view) {
    if (viewer.canWrite) view.panel({ title: 'Make a report', note: 'About the site and the days chosen above.', load: () => ({}), draw: form });
    const list = view.panel({
      title: 'Reports',
      isLive: true,
      load: ({ site, state, signal }) => get('/api/v1/reports', { site: site.id, limit: LINES, cursor: state.own.after }, { signal }),
      isEmpty: ({ reports }) => !reports.length,
      nothing: 'No report yet. Make one above; it is kept for some days.',
      draw: (body, data, context) => reports(body, data, context, list),
    });
    if (viewer.isAdmin) schedules(view);
  },
});

function select(name, all, chosen) {
  return el('select', { name }, Object.entries(all).map(([value, title]) => el('option', { value, selected: value === chosen }, title)));
}

function form(body, _, { site, days, bots, view }) {
  const made = el('form', { class: 'actions' },
    el('label', {}, 'Report', select('template', TEMPLATES)), el('label', {}, 'Format', select('format', FORMATS)),
    el('button', { class: 'primary' }, 'Make the report'),
    el('span', { class: 'muted small' }, `${site.id}, ${days.from} to ${plus(days.to, -1)}`));
  made.addEventListener('submit', async (event) => {
    event.preventDefault();
    const { template, format } = Object.fromEntries(new FormData(made));
    try {
      await post('/api/v1/reports/generate', { site: site.id, ...days, bots, template, format, wait: false });
      tell('The report is being made: it stands first in the list.');
      view.setOwn({ after: '' });
      view.refresh();
    } catch (error) {
      tell(error.message);
    }
  });
  body.append(made);
}

function reports(body, { reports: rows, next_cursor: next }, { site, view }, list) {
  body.append(table({
    caption: 'Reports',
    columns: [
      { title: 'Asked for', value: ({ created_at: at }) => at, show: (at) => when(at, site.timezone) },
      { title: 'Report', value: ({ template }) => words(template) },
      { title: 'Format', value: ({ format }) => FORMATS[format] },
      { title: 'Days', value: (row) => `${row.from} to ${plus(row.to, -1)}`, show: (text) => el('span', { class: 'nowrap' }, text) },
      { title: 'State', value: (row) => row, show: standing },
      { title: 'Size', isNumber: true, value: (row) => row.bytes, show: (size) => (size ? bytes(size) : '–') },
      { title: 'Actions', value: (row) => row, show: (row) => actions(row, view) },
    ],
    rows,
  }));
  paging(body, { view, own: 'after', next, names: ['Newest', 'Older'] });
  if (rows.some(({ state }) => OPEN.has(state))) setTimeout(() => list.refresh({ isQuiet: true }), LOOK_MS);
}

function standing({ state, progress, problem, schedule_id: schedule }) {
  if (OPEN.has(state)) {
    return el('span', { class: 'marks', 'data-state': state }, words(state),
      el('progress', { value: progress, 'aria-label': `Progress: ${percent(progress)}` }), percent(progress));
  }
  return el('span', { class: 'marks', 'data-state': state }, badge(words(state), STATES[state] ?? ''),
    schedule && badge('Scheduled'), problem && el('span', { class: 'small' }, problem));
}

function actions({ id, state, site_id: site, template, format }, view) {
  const path = `/api/v1/reports/${id}`;
  const ofSite = `?site=${encodeURIComponent(site)}`;
  const what = `${words(template).toLowerCase()} report as ${FORMATS[format]}`;
  const drop = async () => {
    try {
      await remove(path + ofSite);
      tell(OPEN.has(state) ? 'The report is cancelled.' : 'The report is removed.');
      view.refresh();
    } catch (error) {
      tell(error.message);
    }
  };
  const isOpen = OPEN.has(state);
  const ask = () => (isOpen ? drop() : confirm('Remove the report', { says: `The ${what} and its file are removed.`, action: 'Remove', take: drop }));
  return el('span', { class: 'marks' },
    state === 'done' && el('a', { href: `${path}/download${ofSite}`, download: true, 'aria-label': `Download the ${what}` }, 'Download'),
    viewer.canWrite && state !== 'cancelled' && el('button', { type: 'button', class: 'quiet small', on: { click: ask } }, isOpen ? 'Cancel' : 'Remove'));
}

/** Reports that are sent by themselves: only administrators see where to. */
function schedules(view) {
  view.panel({
    title: 'Schedules',
    note: 'Reports that are made and sent by themselves: by mail, or to a webhook.',
    load: async ({ site, signal }) => get('/api/v1/reports/schedules', { site: site.id }, { signal }),
    draw: (body, { schedules: rows }, { site }) => {
      body.append(el('p', { class: 'actions' },
        el('button', { type: 'button', on: { click: () => schedule(view, site) } }, 'New schedule …')));
      if (!rows.length) body.append(el('div', { class: 'nothing' }, el('p', {}, 'No schedule yet. Make one, and the report comes by itself.')));
      else body.append(table({ caption: 'Schedules', columns: columns(view, site), rows }));
    },
  });
}

function columns(view, site) {
  const drop = ({ id, template, cadence }) => confirm('Delete the schedule', {
    says: `The ${cadence} report “${template}” is no longer sent. Reports that were made stay.`,
    action: 'Delete',
    take: async () => {
      await remove(`/api/v1/reports/schedules/${id}?site=${encodeURIComponent(site.id)}`);
      tell('The schedule is deleted.');
      view.refresh();
    },
  });
  return [
    { title: 'Report', value: (row) => `${words(row.template)}, ${FORMATS[row.format]}` },
    { title: 'How often', value: (row) => `${words(row.cadence)} at ${row.at}` },
    { title: 'Next', value: (row) => row.next_due_at, show: (at) => when(at, site.timezone) },
    { title: 'To', value: (row) => row.webhook ?? row.mail_to.join(', ') },
    { title: 'Actions', value: (row) => row, show: (row) => el('button', { type: 'button', class: 'quiet small', on: { click: () => drop(row) } }, 'Delete') },
  ];
}

function schedule(view, site) {
  openDialog('New schedule', [
    el('label', {}, 'Report', select('template', TEMPLATES)),
    el('label', {}, 'Format', select('format', FORMATS)),
    el('label', {}, 'How often', select('cadence', CADENCES, 'weekly')),
    el('label', {}, `At (the clock of ${site.timezone})`, el('input', { type: 'time', name: 'at', value: '06:00', required: true })),
    el('label', {}, 'By mail to (addresses, with commas between)', el('input', { name: 'mail_to' })),
    el('label', {}, 'Or to a webhook (an address that takes POST)', el('input', { name: 'webhook', type: 'url' })),
  ], {
    action: 'Make the schedule',
    take: async (sent) => {
      const { mail_to: mail, webhook, ...said } = Object.fromEntries(sent);
      const addresses = mail.split(',').map((one) => one.trim()).filter(Boolean);
      await post('/api/v1/reports/schedules', { ...said, site: site.id, mail_to: addresses, webhook: webhook || null });
      tell(`The schedule is made: ${number(addresses.length || 1)} will receive it.`);
      view.refresh();
    },
  });
}
