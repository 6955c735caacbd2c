// Where one page is clicked, on what, in rage and in vain, and how far it is scrolled.

import { el } from '../core/dom.js';
import { compact, number, percent } from '../core/format.js';
import { sharing } from '../core/shared.js';
import { bars } from '../parts/bars.js';
import { choices, chosen, lateChoice } from '../parts/choices.js';
import { outline } from '../parts/outline.js';
import { tiles } from '../parts/tiles.js';
import { start } from '../shell/shell.js';

const CHOICES = [
  { name: 'device', label: 'Device', usual: 'all', options: { all: 'All', desktop: 'Desktop', mobile: 'Mobile', tablet: 'Tablet' } },
  { name: 'grid', label: 'Grid', usual: '20x50', options: { '10x25': 'Coarse', '20x50': 'Medium', '40x100': 'Fine' } },
];
const KINDS = {
  clicks: { title: 'Most clicked', nothing: 'No click in this period.' },
  rage_clicks: { title: 'In rage', nothing: 'No click in rage: nobody clicked three times within a second on the same spot.' },
  dead_clicks: { title: 'In vain', nothing: 'No dead click: something happened after each, or it was on a link or a field.' },
};
const [PAGES, ELEMENTS, ROWS] = [200, 500, 15];
/** The pictures that were put under pages: in this tab alone, they are sent nowhere. */
const pictures = new Map();
const pictureOf = ({ page }, { device }) => `${page} ${device}`;

start({
  uses: ['period', 'bots', 'filters'],
  draw(view) {
    const pagesAre = lateChoice(view, choices(view, CHOICES), { name: 'page', label: 'Page' });
    const load = loading();
    const panel = view.panel({
      title: 'Where is it clicked, and how far is it read?',
      load,
      isEmpty: (found) => !found,
      nothing: 'No page was viewed in this period.',
      draw: (body, found, context) => {
        pagesAre([...new Set([...found.pages, found.heatmap.page])].map((path) => [path, path]), found.heatmap.page);
        clicked(body, found.heatmap, context);
      },
      rows: ({ heatmap: { cells, columns, rows } }) => ({
        caption: 'Clicks by place',
        rows: cells.toSorted((a, b) => b.clicks - a.clicks),
        columns: [
          { title: 'From the left', value: ({ column }) => `${percent(column / columns)} – ${percent((column + 1) / columns)}` },
          { title: 'From the top', value: ({ row }) => `${percent(row / rows)} – ${percent((row + 1) / rows)}` },
          { title: 'Clicks', isNumber: true, value: ({ clicks }) => number(clicks) },
        ],
      }),
    });
    panel.body.after(pictureChoice(view));
    elements(view, load);
  },
});

/** Asks for the heatmap of the page that is looked at, the most viewed unless told; null where there is none. */
function loading() {
  const [askPages, ask] = [sharing(), sharing()];
  return async ({ state, site, days, bots, filter }) => {
    const { pages } = await askPages('/api/v1/pages', { site: site.id, ...days, bots, limit: PAGES });
    const page = state.own.page || pages[0]?.path;
    if (!page) return null;
    const { device, grid } = chosen(state, CHOICES);
    const [columns, rows] = grid.split('x');
    const heatmap = await ask('/api/v1/heatmap', {
      site: site.id, ...days, bots, page, columns, rows, limit: ELEMENTS,
      device_class: device === 'all' ? '' : device, filter,
    });
    return { heatmap, pages: pages.map(({ path }) => path), layer: heatmap.layer };
  };
}

function clicked(body, heatmap, { state, view }) {
  const { clicks, visitors, page_views: views, rage_bursts: rage, dead_clicks: dead, placed_clicks: placed } = heatmap;
  body.append(el('p', { class: `answer ${rage ? 'warn' : ''}` }, sentence(heatmap)));
  tiles(body, [
    { id: 'views', title: 'Views', value: views, show: compact },
    { id: 'clicks', title: 'Clicks', value: clicks, show: compact, hint: `${number(placed)} of them said where` },
    { id: 'visitors', title: 'Visitors who clicked', value: visitors, show: compact },
    { id: 'rage', title: 'Bursts of rage', value: rage, show: compact, hint: 'Three clicks or more within a second on the same spot' },
    { id: 'dead', title: 'Dead clicks', value: dead, show: compact, hint: 'Nothing happened for 5 s, and it was on nothing to click' },
  ]);
  const key = pictureOf(heatmap, chosen(state, CHOICES));
  outline(body, { ...heatmap, reach: heatmap.scroll_reach, picture: pictures.get(key) });
  body.append(el('p', { class: 'small muted' }, 'At the right: the share of the views that were scrolled to each tenth of the page.'));
  if (pictures.has(key)) {
    body.append(el('button', { type: 'button', class: 'small', on: { click: () => { pictures.delete(key); view.refresh(); } } }, 'Take the picture away'));
  }
}

function sentence({ clicks, page_views: views, rage_bursts: rage, dead_clicks: dead, scroll_reach: reach }) {
  if (!clicks && !views) return 'This page was neither viewed nor clicked in this period.';
  const half = reach.findLast(({ share }) => share >= 0.5)?.depth ?? 0;
  return [
    half ? ['Half of the views get as far as ', el('strong', {}, `${half}%`), ' of the page. '] : 'Less than half of the views are scrolled at all. ',
    rage ? `${number(rage)} ${rage === 1 ? 'burst' : 'bursts'} of clicks in rage` : 'Nobody clicked in rage',
    dead && clicks ? `; ${percent(dead / clicks)} of the clicks were in vain.` : '.',
  ].flat();
}

/** Lets a file lie under the grid of the page that is looked at. */
function pictureChoice(view) {
  const key = () => pictureOf({ page: document.querySelector('select[name=page]').value }, chosen(view.state, CHOICES));
  const trouble = el('span', { role: 'alert' });
  const file = el('input', { type: 'file', accept: 'image/*', name: 'picture' });
  file.addEventListener('change', async () => {
    trouble.textContent = '';
    if (!file.files.length) return;
    try {
      pictures.set(key(), await createImageBitmap(file.files[0]));
      file.value = '';
      view.refresh();
    } catch {
      trouble.textContent = 'This is no picture that the browser can read. Choose a PNG or a JPEG.';
    }
  });
  return el('p', { class: 'choices picture' },
    el('label', { class: 'small' }, 'Screenshot of the whole page to put under it', file),
    el('span', { class: 'small muted' }, 'It stays in this tab and is sent nowhere.'), trouble);
}

function elements(view, load) {
  view.panel({
    title: 'What is clicked',
    note: 'In rage: three clicks within a second on one spot. In vain: nothing happened for 5 s after a click on nothing to click.',
    tabs: Object.entries(KINDS).map(([id, { title }]) => ({ id, title })),
    load,
    isEmpty: (found) => !found,
    nothing: KINDS.clicks.nothing,
    draw: (body, { heatmap }, { tab }) => {
      const found = heatmap.elements.filter((one) => one[tab]).sort((a, b) => b[tab] - a[tab]);
      if (!found.length) {
        body.append(el('p', { class: 'nothing' }, KINDS[tab].nothing));
        return;
      }
      bars(body, {
        label: 'Element',
        columns: ['Clicks', 'Share', 'Visitors', 'In rage', 'In vain'],
        rows: found.slice(0, ROWS).map((one) => ({
          key: `${one.element} ${one.text}`, title: one.text ? `${one.text} (${one.element})` : one.element || 'Not told', value: one[tab],
          cells: [number(one.clicks), percent(one.share), number(one.visitors), number(one.rage_clicks), number(one.dead_clicks)],
        })),
        more: found.length > ROWS && `The first ${ROWS} of ${found.length === ELEMENTS ? `${ELEMENTS} or more` : found.length}`,
      });
    },
  });
}
