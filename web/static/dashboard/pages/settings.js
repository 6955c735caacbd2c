// What the product is set to, for administrators: sites with their snippet, keys, links, people, rules, every setting.

import { get, post, remove } from '../core/api.js';
import { el } from '../core/dom.js';
import { number, words } from '../core/format.js';
import { copied } from '../parts/copying.js';
import { openDialog } from '../parts/dialog.js';
import { badge, facts, when } from '../parts/facts.js';
import { table } from '../parts/table.js';
import { confirm, tell } from '../parts/telling.js';
import { start, viewer } from '../shell/shell.js';

const SCOPES = { read: 'Read: every question', write: 'Write: definitions, imports', admin: 'Admin: everything' };
const SHOWN = 4;

start({
  uses: [],
  draw(view) {
    view.panel({
      title: 'Sites',
      note: 'Sites come from faust.yml: change them there, then start web server and worker again.',
      load: settings,
      isEmpty: ({ sites }) => !sites.length,
      nothing: 'No site yet. Name one under `sites` in faust.yml.',
      draw: (body, { sites }, { site }) => body.append(siteChooser(view, sites, site), ...one(sites.find(({ id }) => id === site.id) ?? sites[0])),
    });
    view.panel({ title: 'Keys of the API', note: 'For programs that ask or write. A secret is shown once, when the key is made.', load: ({ signal }) => get('/api/v1/keys', {}, { signal }), draw: (body, data, context) => keys(body, data, context) });
    view.panel({ title: 'Links', note: 'Who has one reads sums of a site. The button Share on any page makes one.', load: links, draw: shares });
    view.panel({ title: 'People', note: 'Who signs in. They are added and changed by `wua users`.', load: ({ signal }) => get('/api/v1/accounts', {}, { signal }), isEmpty: ({ accounts }) => !accounts.length, nothing: 'Nobody signs in: the dashboard is shown to this machine alone. See web.sign_in.', draw: people });
    view.panel({ title: 'Rules', note: 'What bots, sources, channels and devices are told by. Another version: something of it is another.', load: settings, draw: rules });
    view.panel({ title: 'Settings', note: 'As they are in effect, from faust.yml and the environment (WUA_SECTION__KEY). Secrets are not shown.', load: settings, draw: effective });
  },
});

function settings({ signal }) {
  return get('/api/v1/settings', {}, { signal });
}

function siteChooser(view, sites, site) {
  return el('p', { class: 'actions', role: 'group', 'aria-label': 'Site to show' }, sites.map(({ id }) => el('button', {
    type: 'button', 'aria-pressed': String(id === site.id), class: id === site.id ? 'primary' : '',
    on: { click: () => view.set({ site: viewer.sites.find((other) => other.id === id) ?? view.state.site }) },
  }, id)));
}

function one(site) {
  const place = el('div', {});
  const yes = (is) => (is ? 'Yes' : 'No');
  facts(place, [
    ['Time zone', site.timezone],
    ['Domains', site.domains.join(', ') || 'None named: no referrer counts as its own'],
    ['Conversion events', site.conversion_events.join(', ')],
    ['Origins that may send', site.origins === null ? 'Any' : site.origins.join(', ') || 'None'],
    ['Query parameters kept', site.query_allow_list.join(', ') || 'None'],
    ['Write keys', site.write_keys.length ? site.write_keys.map(masked).join(', ') : 'None: pages need no key'],
    ['Keys of servers', number(site.server_keys)],
    ['Kept for', site.retention_days === null ? 'No limit of its own' : `${number(site.retention_days)} days`],
    ['Without cookies', yes(site.cookieless)],
    ['Personal data taken out', yes(site.scrub_pii)],
    ['Heeds Global Privacy Control', yes(site.respect_gpc)],
    ['Heeds Do Not Track', yes(site.respect_dnt)],
  ]);
  return [place, el('h3', {}, 'Put this into every page of the site'), copied(snippet(site), 'the snippet')];
}

/** A key as one knows it again: no secret, for pages show it; yet nothing to read over a shoulder. */
const masked = (key) => `${key.slice(0, SHOWN)}…${key.slice(-SHOWN)}`;

function snippet({ id, write_keys: [key], cookieless }) {
  const to = key && ` data-to="${location.origin}/api/v1/events?key=${key}"`;
  return `<script async src="${location.origin}/wua.js" data-site="${id}"${to ?? ''}${cookieless ? ' data-cookieless' : ''}></script>`;
}

function keys(body, { keys: rows }, { site, view }) {
  body.append(el('p', { class: 'actions' }, el('button', { type: 'button', on: { click: () => make(view) } }, 'New key …')));
  if (!rows.length) {
    body.append(el('div', { class: 'nothing' }, el('p', {}, 'No key yet. Make one for each program that asks.')));
    return;
  }
  body.append(table({
    caption: 'Keys of the API',
    columns: [
      { title: 'Label', value: ({ label }) => label || '–' },
      { title: 'Id', value: ({ id }) => id, show: (id) => el('code', {}, id) },
      { title: 'Allows', value: ({ scopes }) => scopes.map(words).join(', ') },
      { title: 'Sites', value: ({ sites }) => (sites.includes('*') ? 'All' : sites.join(', ')) },
      { title: 'Made', value: ({ made_at: at }) => at, show: (at) => when(at, site.timezone) },
      { title: 'State', value: (key) => key, show: (key) => standing(key, view) },
    ],
    rows,
  }));
}

function standing({ id, label, is_revoked: isRevoked }, view) {
  if (isRevoked) return badge('Revoked');
  const ask = () => confirm('Revoke the key', {
    says: `The key “${label || id}” opens nothing any more, within seconds and for good.`,
    word: id,
    action: 'Revoke',
    take: async () => {
      await remove(`/api/v1/keys/${encodeURIComponent(id)}`);
      tell('The key is revoked.');
      view.refresh();
    },
  });
  return el('span', { class: 'marks' }, badge('Open', 'good'), el('button', { type: 'button', class: 'quiet small', 'aria-label': `Revoke ${label || id}`, on: { click: ask } }, 'Revoke'));
}

function make(view) {
  const check = (name, value, title, checked) => el('label', { class: 'check' }, el('span', {}, el('input', { type: 'checkbox', name, value, checked }), ` ${title}`));
  openDialog('New key', [
    el('label', {}, 'Label, such as whom it is for', el('input', { name: 'label', maxlength: 100, required: true })),
    el('fieldset', {}, el('legend', {}, 'It allows'), Object.entries(SCOPES).map(([scope, title]) => check('scopes', scope, title, scope === 'read'))),
    el('fieldset', {}, el('legend', {}, 'Of these sites; none chosen: of all, also of those to come'), viewer.sites.map(({ id }) => check('sites', id, id))),
  ], {
    action: 'Make the key',
    take: async (form) => {
      const made = await post('/api/v1/keys', { label: form.get('label'), scopes: form.getAll('scopes'), sites: form.getAll('sites') });
      show(made);
      view.refresh();
    },
  });
}

/** The secret, this once. */
function show({ label, secret }) {
  setTimeout(() => openDialog(`The secret of “${label}”`, [
    el('p', {}, 'Copy it now: it is shown this once and kept nowhere. Programs send it as ', el('code', {}, 'Authorization: Bearer SECRET'), '.'),
    copied(secret, 'the secret'),
  ], { action: 'I have it', take: () => {} }));
}

/** Those of every site that the viewer sees. */
async function links({ signal }) {
  const all = await Promise.all(viewer.sites.map(({ id }) => get(`/api/v1/sites/${encodeURIComponent(id)}/shares`, {}, { signal })));
  return { shares: all.flatMap((one) => one.shares) };
}

function shares(body, { shares: rows }, { site, view }) {
  if (!rows.length) {
    body.append(el('div', { class: 'nothing' }, el('p', {}, 'No link yet.')));
    return;
  }
  body.append(table({
    caption: 'Links',
    columns: [
      { title: 'Label', value: ({ label }) => label || '–' },
      { title: 'Site', value: ({ site_id: id }) => id },
      { title: 'Page', value: ({ page }) => page },
      { title: 'Shows', value: ({ filter }) => (filter ? JSON.stringify(filter) : 'All of it') },
      { title: 'Password', value: ({ has_password: has }) => (has ? 'Yes' : 'No') },
      { title: 'Embedded by', value: ({ frame_ancestors: origins }) => origins.join(', ') || 'Nobody' },
      { title: 'Made', value: ({ made_at: at }) => at, show: (at) => when(at, site.timezone) },
      { title: 'State', value: (share) => share, show: (share) => open(share, view) },
    ],
    rows,
  }));
}

function open({ share_id: id, site_id: siteId, label, is_revoked: isRevoked }, view) {
  if (isRevoked) return badge('Revoked');
  const ask = () => confirm('Revoke the link', {
    says: `The link “${label || id}” shows nothing any more.`,
    action: 'Revoke',
    take: async () => {
      await remove(`/api/v1/sites/${encodeURIComponent(siteId)}/shares/${encodeURIComponent(id)}`);
      tell('The link is revoked.');
      view.refresh();
    },
  });
  return el('span', { class: 'marks' }, badge('Open', 'good'), el('button', { type: 'button', class: 'quiet small', 'aria-label': `Revoke the link ${label || id}`, on: { click: ask } }, 'Revoke'));
}

function people(body, { accounts }, { site }) {
  body.append(table({
    caption: 'People',
    columns: [
      { title: 'Name', value: ({ name }) => name },
      { title: 'Roles', value: ({ roles }) => Object.entries(roles).map(([id, role]) => `${words(role)} of ${id === '*' ? 'all sites' : id}`).join(', ') },
      { title: 'Signs in by', value: ({ has_password: has }) => (has ? 'Password' : 'OpenID provider') },
      { title: 'Added', value: ({ added_at: at }) => at, show: (at) => when(at, site.timezone) },
    ],
    rows: accounts,
  }));
}

function rules(body, { rules: version, sites }) {
  facts(body, [['Tables and libraries', el('code', {}, version)]]);
  body.append(table({
    caption: 'Rules by site',
    columns: [
      { title: 'Site', value: ({ id }) => id },
      { title: 'Version', value: (site) => site.rules, show: (text) => el('code', {}, text) },
      { title: 'Channels of its own', value: ({ channels }) => channels.map(own).join('; ') || 'None' },
    ],
    rows: sites,
  }));
  body.append(el('p', { class: 'muted small' }, 'After a change, ', el('code', {}, 'wua reclassify'), ' tells what is stored by the new rules.'));
}

const own = ({ channel, ...conditions }) =>
  `${channel}: ${Object.entries(conditions).filter(([, text]) => text).map(([name, text]) => `${name} ${text}`).join(' and ')}`;

function effective(body, { settings: all }) {
  const sections = Map.groupBy(Object.entries(all), ([key]) => key.split('.')[0]);
  for (const [section, some] of sections) {
    body.append(el('details', {}, el('summary', {}, words(section), el('span', { class: 'muted small' }, ` ${number(some.length)} settings`)), table({
      caption: `Settings of ${section}`,
      columns: [{ title: 'Key', value: ([key]) => key, show: (key) => el('code', {}, key) }, { title: 'Value', value: ([, value]) => value }],
      rows: some,
    })));
  }
}
