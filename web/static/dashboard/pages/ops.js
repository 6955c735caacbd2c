// How the product itself does: its parts, how fast events are seen, what waits, what is stored. For administrators.

import { get } from '../core/api.js';
import { el } from '../core/dom.js';
import { bytes, compact, decimal, milliseconds, number, percent, seconds, words } from '../core/format.js';
import { bars } from '../parts/bars.js';
import { badge, facts } from '../parts/facts.js';
import { spark } from '../parts/spark.js';
import { table } from '../parts/table.js';
import { tiles } from '../parts/tiles.js';
import { start } from '../shell/shell.js';

const NAMES = { clickhouse: 'ClickHouse' };
const LOOK_MS = 5_000;
/** How many looks a line shows; they are kept in this page alone, while it is open. */
const KEPT = 120;
const seen = new Map();
let asked;

start({
  draw(view) {
    const panels = [
      panel(view, { title: 'What needs attention', draw: attention }),
      panel(view, { title: 'Parts', size: 'third', draw: parts }),
      panel(view, { title: 'Events on their way', note: 'From the topic to the tables; the lines begin when the page was opened.', draw: events }),
      panel(view, {
        title: 'Time spent by stage', size: 'half', isEmpty: ({ worker }) => !worker,
        nothing: 'The worker is not reachable, so this is not known.', draw: stages,
      }),
      panel(view, { title: 'This web server', size: 'half', draw: web }),
      panel(view, {
        title: 'Tables', note: 'On this ClickHouse server, as its system.parts has them.', isEmpty: ({ tables }) => !tables.length,
        nothing: 'ClickHouse does not answer, so this is not known.', draw: stored,
      }),
    ];
    panels[0].element.classList.add('two-thirds');
    setInterval(() => {
      if (document.hidden) return;
      asked = undefined;
      for (const one of panels) one.refresh({ isQuiet: true });
    }, LOOK_MS);
  },
});

/** A panel over the one answer that all of them share. */
function panel(view, options) {
  return view.panel({ isLive: true, load: look, ...options });
}

function look() {
  asked ??= get('/api/v1/ops').then(remembered).catch((error) => {
    asked = undefined;
    throw error;
  });
  return asked;
}

function remembered(found) {
  const { worker, web: here } = found;
  remember('requests', here.requests);
  if (worker) {
    remember('lag', worker.lag);
    remember('events_per_second', worker.events_per_second);
    for (const level of ['p50_s', 'p95_s', 'p99_s']) remember(level, worker.latency[level]);
  }
  return found;
}

function remember(name, value) {
  seen.set(name, [...(seen.get(name) ?? []), value].slice(-KEPT));
}

/** Seconds; a dash where nothing was measured. */
const took = (value) => (value ? milliseconds(1000 * value) : '–');

function attention(body, { alerts }) {
  if (!alerts.length) {
    body.append(el('p', {}, badge('All well', 'good'), ' Nothing needs attention.'));
    return;
  }
  body.append(el('ul', { class: 'alerts' }, alerts.map(({ severity, what, to_do: toDo }) =>
    el('li', {}, badge(words(severity), severity === 'critical' ? 'bad' : 'warn'), ' ', el('strong', {}, words(what)), el('br'), toDo))));
}

function parts(body, { parts: all, worker, worker_problem: problem }) {
  const state = (isWell) => (isWell ? badge('Answers', 'good') : badge('Not reachable', 'bad'));
  facts(body, [
    ...Object.entries(all).map(([name, one]) => [NAMES[name] ?? words(name), state(one === 'ok')]),
    ['Worker', state(worker)],
    ['Web server', badge('Answers', 'good')],
  ]);
  if (problem) body.append(el('p', { class: 'small' }, problem));
}

function events(body, { worker }) {
  if (!worker) {
    body.append(el('div', { class: 'nothing' }, el('p', {}, 'The worker is not reachable: see Parts for its address.')));
    return;
  }
  tiles(body, [
    { id: 'lag', title: 'Waiting', value: worker.lag, show: compact, hint: 'Events in the topic that are not committed' },
    { id: 'events_per_second', title: 'Events per second', value: worker.events_per_second, show: decimal, hint: 'Of the last 10 s' },
    ...['p50_s', 'p95_s', 'p99_s'].map((id) => ({
      id, title: `Latency ${id.slice(0, 3)}`, value: worker.latency[id], show: took,
      hint: 'From received to visible, of the last 5 minutes',
    })),
  ].map((one) => ({ ...one, values: seen.get(one.id) })));
  facts(body, [
    ['Received since its start', number(worker.received)], ['Accepted', number(worker.accepted)],
    ['Duplicates', number(worker.duplicates)], ['Refused', number(worker.rejected)],
    ['Of bots', number(worker.bots)], ['Visitors in its state', number(worker.state_keys)],
  ]);
}

function stages(body, { worker: { stage_seconds: spent, rejected_by_reason: reasons } }) {
  const all = Object.values(spent).reduce((sum, one) => sum + one, 0) || 1;
  bars(body, {
    label: 'Stage', columns: ['Time', 'Share'],
    rows: Object.entries(spent).map(([key, value]) => ({ key, title: words(key), value, cells: [seconds(value), percent(value / all)] })),
  });
  const refused = Object.entries(reasons).filter(([, count]) => count);
  if (refused.length) {
    bars(body, {
      label: 'Refused for', columns: ['Events'],
      rows: refused.map(([key, value]) => ({ key, title: words(key), value, cells: [number(value)] })),
    });
  }
}

function web(body, { web: here }) {
  tiles(body, [
    { id: 'requests', title: 'Requests', value: here.requests, show: number, hint: 'Answered since its start' },
    { id: 'failed', title: 'Failed', value: here.failed, show: number, hint: 'Answered with a status of 5xx' },
    ...['p50_s', 'p95_s', 'p99_s'].map((id) => ({ id: `web_${id}`, title: `Answer ${id.slice(0, 3)}`, value: here.latency[id], show: took })),
  ]);
  const asks = (seen.get('requests') ?? []).slice(1).map((count, nth) => count - seen.get('requests')[nth]);
  if (asks.length > 1) body.append(el('p', { class: 'muted small' }, 'Requests between two looks'), spark(asks));
  const collected = Object.entries(here.collected).filter(([, count]) => count);
  if (collected.length) facts(body, collected.map(([fate, count]) => [`Events ${words(fate).toLowerCase()}`, number(count)]));
}

function stored(body, { tables }) {
  const sum = (name) => tables.reduce((all, one) => all + one[name], 0);
  body.append(el('p', { class: 'sum' }, el('strong', {}, bytes(sum('bytes'))), ` on disk, ${number(sum('rows'))} rows in ${number(tables.length)} tables`));
  body.append(table({
    caption: 'Tables',
    columns: [
      { title: 'Table', value: ({ name }) => name },
      { title: 'Rows', isNumber: true, value: ({ rows }) => rows, show: number },
      { title: 'On disk', isNumber: true, value: (one) => one.bytes, show: bytes },
      { title: 'Unpacked', isNumber: true, value: (one) => one.uncompressed_bytes, show: bytes },
      { title: 'Parts', isNumber: true, value: (one) => one.parts, show: number },
    ],
    rows: tables,
  }));
}
