// What search engines and AI assistants bring, what their programs take, and what they do not find.

import { el } from '../core/dom.js';
import { change, clock, compact, decimal, moment, money, number, percent } from '../core/format.js';
import { sharing } from '../core/shared.js';
import { plus, searchOf } from '../core/state.js';
import { bars } from '../parts/bars.js';
import { table } from '../parts/table.js';
import { tiles } from '../parts/tiles.js';
import { start } from '../shell/shell.js';

const ROWS = 12;
const MOST = 200;
const KINDS = { search_crawler: 'Search crawler', ai_crawler: 'AI crawler', ai_fetcher: 'AI fetcher' };
const isOfAi = ({ kind }) => kind !== 'search_crawler';
const sumOf = (rows, name) => rows.reduce((all, row) => all + row[name], 0);
const ask = sharing();
const load = ({ site, days, bots }) => ask('/api/v1/seo', { site: site.id, ...days, bots, limit: MOST });
const hadSearch = ({ landing_pages: pages, lost_pages: lost }) => lost.length > 0 || pages.some((page) => page.sessions_before);
const moreOf = (rows) => rows.length > ROWS && `The first ${ROWS} of ${rows.length === MOST ? `${MOST} or more` : rows.length}`;

start({
  uses: ['period', 'bots'],
  draw(view) {
    view.panel({ title: 'What search and AI bring', load, draw: headline });
    view.panel({
      title: 'Landing pages of search',
      note: 'Pages by which people came in from search engines. Choose one to see those visits in the overview.',
      load,
      isEmpty: (answer) => !answer.landing_pages.length,
      nothing: 'Nobody came from a search engine in this period.',
      draw: landingPages,
    });
    moved(view);
    sources(view, 'Search engines', 'engines', 'Nobody came from a search engine in this period.');
    sources(view, 'AI assistants: what they send', 'ai_assistants', 'No AI assistant sent anybody in this period.');
    programs(view, 'AI programs: what they take', isOfAi, 'No program of an AI was seen. They run no script: import access logs to see them.');
    aiPages(view);
    terms(view);
    programs(view, 'Search crawlers', (one) => !isOfAi(one), 'No crawler was seen. They run no script: import access logs to see them.');
    crawled(view);
    missing(view);
  },
});

/** The figures, and what AI takes for what it gives. */
function headline(body, { engines, ai_assistants: assistants, crawlers, not_found: missed }) {
  const sent = sumOf(assistants, 'sessions');
  const taken = sumOf(crawlers.filter(isOfAi), 'events');
  const [engine] = engines;
  body.append(el('p', { class: 'answer' },
    engine ? [el('strong', {}, engine.source), ` brings the most from search: ${number(engine.sessions)} of ${number(sumOf(engines, 'sessions'))} sessions. `] : 'Search brought nobody. ',
    sent ? `AI assistants sent ${number(sent)}` : 'AI assistants sent nobody',
    taken ? `; AI programs fetched ${number(taken)} pages${sent ? `, ${decimal(taken / sent)} for each session sent` : ''}.` : '.'));
  tiles(body, [
    { id: 'search', title: 'Sessions from search', value: sumOf(engines, 'sessions'), show: compact },
    { id: 'ai', title: 'Sessions from AI', value: sent, show: compact },
    { id: 'crawled', title: 'Taken by search', value: sumOf(crawlers.filter((one) => !isOfAi(one)), 'events'), show: compact, hint: 'Fetches by crawlers of search engines' },
    { id: 'taken', title: 'Taken by AI', value: taken, show: compact, hint: 'Fetches by crawlers and fetchers of AI' },
    { id: 'missing', title: 'Pages not found', value: missed.length, show: number, hint: 'Pages that are not there, to which search engines still send' },
  ]);
}

function landingPages(body, answer, { state }) {
  const { landing_pages: pages, page_export: console } = answer;
  const path = (value) => searchOf({ ...state, own: {}, filters: [{ field: 'channel', op: 'is', value: 'Organic Search' }, { field: 'entry_path', op: 'is', value }] });
  const figures = ({ search }) => (search ? [number(search.clicks), number(search.impressions), percent(search.ctr), decimal(search.position)] : ['–', '–', '–', '–']);
  bars(body, {
    label: 'Page',
    columns: ['Sessions', 'Before', 'Change', 'Bounce rate', 'Conversion', 'Revenue', ...(console ? ['Clicks', 'Impressions', 'CTR', 'Position'] : [])],
    rows: pages.slice(0, ROWS).map((page) => ({
      key: page.path, title: page.path, value: page.sessions,
      cells: [
        number(page.sessions), number(page.sessions_before),
        page.sessions_before ? change(page.sessions / page.sessions_before - 1) : hadSearch(answer) ? 'new' : '–',
        percent(page.bounce_rate), percent(page.conversion_rate), money(page.revenue),
        ...(console ? figures(page) : []),
      ],
    })),
    choose: (value) => location.assign(`/${path(value)}`),
    more: moreOf(pages),
  });
  body.append(el('p', { class: 'small muted' }, `Before: the days from ${moment(answer.before_since)} to ${moment(plus(answer.before_until, -1))}. `, exported(console)));
}

function exported(console) {
  if (!console) return 'Search Console is not imported for this period: wua import-search-console adds clicks, impressions and positions.';
  return `Clicks, impressions and positions are of Search Console, ${moment(console.first_day)} to ${moment(console.last_day)}.`;
}

function moved(view) {
  view.panel({
    title: 'New and lost landing pages',
    size: 'half',
    tabs: [{ id: 'new_pages', title: 'New' }, { id: 'lost_pages', title: 'Lost' }],
    load,
    draw: (body, answer, { tab }) => {
      const pages = answer[tab];
      const sessions = tab === 'new_pages' ? 'sessions' : 'sessions_before';
      if (!hadSearch(answer)) body.append(el('p', { class: 'nothing' }, 'Search led nobody here in the days before, so there is nothing to compare with.'));
      else if (!pages.length) body.append(el('p', { class: 'nothing' }, tab === 'new_pages' ? 'Every page that search led to was one before, too.' : 'None is lost: search still leads to every page that it led to before.'));
      else {
        bars(body, {
          label: 'Page',
          columns: [tab === 'new_pages' ? 'Sessions' : 'Sessions before'],
          rows: pages.slice(0, ROWS).map((page) => ({ key: page.path, title: page.path, value: page[sessions], cells: [number(page[sessions])] })),
          more: moreOf(pages),
        });
      }
    },
  });
}

function sources(view, title, name, nothing) {
  view.panel({
    title,
    size: 'half',
    load,
    isEmpty: (answer) => !answer[name].length,
    nothing,
    draw: (body, answer) => bars(body, {
      label: 'Source',
      columns: ['Sessions', 'Bounce rate', 'Conversion', 'Revenue'],
      rows: answer[name].slice(0, ROWS).map((one) => ({
        key: one.source, title: one.source, value: one.sessions,
        cells: [number(one.sessions), percent(one.bounce_rate), percent(one.conversion_rate), money(one.revenue)],
      })),
      more: moreOf(answer[name]),
    }),
  });
}

function programs(view, title, isAsked, nothing) {
  view.panel({
    title,
    size: 'half',
    load,
    isEmpty: ({ crawlers }) => !crawlers.some(isAsked),
    nothing,
    draw: (body, { crawlers }) => bars(body, {
      label: 'Program',
      columns: ['Kind', 'Fetches'],
      rows: crawlers.filter(isAsked).slice(0, ROWS).map(({ name, kind, events }) => ({
        key: name, title: name || 'Unnamed', value: events, cells: [KINDS[kind] ?? kind, number(events)],
      })),
      more: moreOf(crawlers.filter(isAsked)),
    }),
  });
}

function aiPages(view) {
  view.panel({
    title: 'Pages that AI reads, and sends people to',
    note: 'Crawled: for an index or a model. Fetched: for somebody who asked at that moment. Sent: sessions that began there.',
    load,
    isEmpty: (answer) => !answer.ai_pages.length,
    nothing: 'No AI read a page or sent anybody in this period.',
    draw: (body, { ai_pages: pages }) => bars(body, {
      label: 'Page',
      columns: ['Crawled', 'Fetched', 'Sent'],
      rows: pages.slice(0, ROWS).map((page) => ({
        key: page.path, title: page.path, value: page.crawled + page.fetched + page.referred,
        cells: [number(page.crawled), number(page.fetched), number(page.referred)],
      })),
      more: moreOf(pages),
    }),
  });
}

function terms(view) {
  view.panel({
    title: 'What was searched for',
    size: 'half',
    load,
    isEmpty: (answer) => !answer.queries.length && !answer.terms.length,
    nothing: 'Search engines no longer tell. Import an export of Search Console (wua import-search-console), or tag links with utm_term.',
    draw: (body, { queries, terms: tagged }) => {
      if (queries.length) {
        bars(body, {
          label: 'Of Search Console',
          columns: ['Clicks', 'Impressions', 'Position'],
          rows: queries.slice(0, ROWS).map(({ query, search }) => ({
            key: query, title: query, value: search.clicks,
            cells: [number(search.clicks), number(search.impressions), decimal(search.position)],
          })),
          more: moreOf(queries),
        });
      }
      if (tagged.length) {
        bars(body, {
          label: 'Of links with utm_term',
          columns: ['Source', 'Sessions'],
          rows: tagged.slice(0, ROWS).map(({ term, source, sessions }) => ({ key: term, title: term, value: sessions, cells: [source, number(sessions)] })),
          more: moreOf(tagged),
        });
      }
    },
  });
}

function crawled(view) {
  view.panel({
    title: 'What crawlers took',
    load,
    isEmpty: (answer) => !answer.crawled_pages.length,
    nothing: 'No crawler was seen. They run no script: import access logs to see them.',
    draw: (body, { crawled_pages: pages }, { site }) => {
      bars(body, {
        label: 'Page',
        columns: ['Program', 'Kind', 'Fetches', 'Not found', 'Latest'],
        rows: pages.slice(0, ROWS).map((page) => ({
          key: page.path, title: page.path, value: page.fetches,
          cells: [page.name || 'Unnamed', KINDS[page.kind] ?? page.kind, number(page.fetches), number(page.not_found), moment(page.last_at, site.timezone)],
        })),
        more: moreOf(pages),
      });
    },
  });
}

function missing(view) {
  view.panel({
    title: 'Pages that are not there',
    note: 'Search engines still send people or crawlers to them: redirect each, or let it be gone for good (410).',
    load,
    isEmpty: (answer) => !answer.not_found.length,
    nothing: "None is known. An error page tells with wua('not_found', {status: 404}); imported access logs tell by themselves.",
    draw: (body, { not_found: pages }, { site }) => body.append(table({
      caption: 'Pages that are not there',
      rows: pages,
      columns: [
        { title: 'Page', value: ({ path }) => path },
        { title: 'Sessions from search', isNumber: true, value: ({ sessions }) => number(sessions) },
        { title: 'Fetches by crawlers', isNumber: true, value: ({ fetches }) => number(fetches) },
        { title: 'Latest', isNumber: true, value: ({ last_at: at }) => clock(at, site.timezone) },
      ],
    })),
  });
}
