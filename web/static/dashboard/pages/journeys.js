// Journeys: where sessions come from and go to around a page or event, and the paths that most of them take.

import { get } from '../core/api.js';
import { el } from '../core/dom.js';
import { number, percent } from '../core/format.js';
import { proposals } from '../parts/pattern.js';
import { sankey } from '../parts/sankey.js';
import { table } from '../parts/table.js';
import { start } from '../shell/shell.js';

const AROUND = { start: 'Start of sessions', end: 'End of sessions', page: 'A page', event: 'An event' };
const OF = { pages: 'Pages', events: 'Events', all: 'Pages and events' };
const SIDES = { both: 'Before and after', before: 'Before it', after: 'After it' };
const [DEPTH, LEAST, MOST, NODES, PATHS] = [3, 2, 10, 8, 20];
const ENDS = { other: 'Others', entry: 'Session began', exit: 'Session ended' };

start({
  uses: ['period', 'bots', 'filters'],
  draw(view) {
    choices(view);
    flow(view);
    paths(view);
  },
});

/** What is asked, as the address says it. */
function chosen({ own }) {
  const around = own.around in AROUND ? own.around : 'start';
  const isAnchored = (around === 'page' || around === 'event') && Boolean(own.at);
  const depth = Number(own.depth);
  return {
    around,
    at: own.at ?? '',
    of: own.of in OF ? own.of : 'pages',
    depth: Number.isInteger(depth) && depth >= LEAST && depth <= MOST ? depth : DEPTH,
    direction: isAnchored ? (own.side in SIDES ? own.side : 'both') : around === 'end' ? 'before' : 'after',
    anchor: isAnchored ? { [around]: own.at } : {},
  };
}

function question({ site, days, bots, filter }, { of, depth, anchor }) {
  return { site: site.id, ...days, bots, filter, of, depth, ...anchor };
}

const centre = (view, { kind, name }) => view.setOwn({ around: kind, at: name });

function choices(view) {
  const select = (all, take) => el('select', { on: { change: (event) => take(event.target.value) } },
    Object.entries(all).map(([value, title]) => el('option', { value }, title)));
  const around = select(AROUND, (value) => view.setOwn({ around: value === 'start' ? '' : value, at: '', side: '' }));
  const at = el('input', { maxlength: 2048, on: { change: () => view.setOwn({ at: at.value.trim() }) } });
  const side = select(SIDES, (value) => view.setOwn({ side: value === 'both' ? '' : value }));
  const of = select(OF, (value) => view.setOwn({ of: value === 'pages' ? '' : value }));
  const depth = select(Object.fromEntries(Array.from({ length: MOST - LEAST + 1 }, (_, nth) => [nth + LEAST, `${nth + LEAST} steps`])),
    (value) => view.setOwn({ depth: Number(value) === DEPTH ? '' : value }));
  const named = el('label', {}, 'Which', at);
  const sides = el('label', {}, 'Show', side);
  view.panels.append(el('section', { class: 'panel', 'aria-label': 'Which journeys' },
    el('form', { class: 'form picks', on: { submit: (event) => { event.preventDefault(); view.setOwn({ at: at.value.trim() }); } } },
      el('label', {}, 'Around', around), named, sides, el('label', {}, 'Steps are', of), el('label', {}, 'As far as', depth))));
  let proposed;
  view.watch((state) => {
    const now = chosen(state);
    [around.value, at.value, of.value, depth.value] = [now.around, now.at, now.of, now.depth];
    const isNamed = now.around === 'page' || now.around === 'event';
    named.hidden = !isNamed;
    sides.hidden = !isNamed;
    side.value = state.own.side in SIDES ? state.own.side : 'both';
    at.placeholder = now.around === 'event' ? '$purchase' : '/cart (* is any text)';
    at.setAttribute('list', now.around === 'event' ? 'known-events' : 'known-pages');
    if (isNamed && proposed !== state.site.id) {
      proposed = state.site.id;
      proposals(state.site).catch(() => { proposed = undefined; });
    }
  });
}

function flow(view) {
  view.panel({
    title: 'Flow',
    note: 'The taller, the more sessions. Choose a page to see what comes before and after it.',
    load: (context) => {
      const now = chosen(context.state);
      return get('/api/v1/journeys/flow', { ...question(context, now), direction: now.direction, limit: NODES }, context)
        .then((answer) => ({ ...answer, ...drawable(answer), now }));
    },
    isEmpty: ({ sessions }) => !sessions,
    nothing: 'No session of this period had it. Choose another page or event, or a longer period.',
    draw: (body, { nodes, links, now, sessions }) => {
      body.append(el('p', { class: 'small muted' }, `${number(sessions)} sessions`));
      sankey(body, {
        nodes,
        links,
        heading: (step) => headingOf(step, now),
        canChoose: ({ kind }) => kind === 'page' || kind === 'event',
        choose: (node) => centre(view, node),
      });
    },
    rows: ({ nodes, links, now }) => ({
      caption: 'Flow of sessions',
      columns: [
        { title: 'Step', value: ({ source }) => headingOf(nodes[source].step, now) },
        { title: 'From', value: ({ source }) => nodes[source].title },
        { title: 'To', value: ({ target }) => nodes[target].title },
        { title: 'Sessions', isNumber: true, value: ({ sessions }) => sessions, show: number },
      ],
      rows: links,
    }),
  });
}

function headingOf(step, { around, at }) {
  if (step === 0) return { start: 'First', end: 'Last', page: 'Here', event: 'Here' }[at ? around : around === 'end' ? 'end' : 'start'];
  return step > 0 ? `${step} later` : `${-step} before`;
}

/**
 * Nodes and links to draw. In the answer a session that has ended stays at `exit` for all steps on: drawn is only where it
 * ended (or began), so such a node has the sessions of its links to what is none of its kind.
 */
function drawable({ nodes, links }) {
  const isEnd = ({ kind }) => kind === 'exit' || kind === 'entry';
  const shown = links.filter(({ source, target }) => !(isEnd(nodes[source]) && isEnd(nodes[target])));
  const sum = (of) => shown.reduce((all, link) => (of(link) ? all + link.sessions : all), 0);
  const sized = nodes.map((one, at) => ({
    ...one,
    at,
    title: one.kind in ENDS ? ENDS[one.kind] : one.name,
    sessions: isEnd(one) ? sum(({ source, target }) => source === at || target === at) : one.sessions,
  })).filter(({ sessions }) => sessions);
  const last = ({ kind }) => ['other', 'entry', 'exit'].indexOf(kind);
  sized.sort((one, other) => one.step - other.step || last(one) - last(other) || other.sessions - one.sessions);
  const places = new Map(sized.map(({ at }, place) => [at, place]));
  return {
    nodes: sized,
    links: shown.map((link) => ({ ...link, source: places.get(link.source), target: places.get(link.target) })),
  };
}

function paths(view) {
  view.panel({
    title: 'Most taken paths',
    note: 'Equal steps one after the other count as one.',
    tabs: [{ id: 'after', title: 'From there on' }, { id: 'before', title: 'Up to there' }],
    load: (context) => get('/api/v1/journeys', { ...question(context, chosen(context.state)), direction: context.tab, limit: PATHS }, context),
    isEmpty: (answer) => !answer.paths.length,
    nothing: 'No session of this period took such a path.',
    draw: (body, { paths: all, other }) => {
      body.append(table({
        caption: 'Most taken paths',
        columns: [
          { title: 'Path', value: (path) => path.steps, show: (steps) => trail(view, steps) },
          { title: 'Sessions', isNumber: true, value: ({ sessions }) => sessions, show: number },
          { title: 'Visitors', isNumber: true, value: ({ visitors }) => visitors, show: number },
          { title: 'Share', isNumber: true, value: ({ share }) => share, show: percent },
        ],
        rows: all,
      }));
      if (other) body.append(el('p', { class: 'small muted' }, `${number(other)} more sessions took other paths.`));
    },
  });
}

const trail = (view, steps) => el('span', { class: 'trail' }, steps.flatMap((step, at) => [
  at > 0 && el('span', { class: 'muted', 'aria-hidden': 'true' }, ' › '),
  el('button', { type: 'button', class: 'link', title: 'Centre on it', on: { click: () => centre(view, step) } }, step.name),
]));
