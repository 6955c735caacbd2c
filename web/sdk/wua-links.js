// Loaded where there are other domains of the same owner: links to them take the visitor along, in a token that
// the collector signs, and what such a link brought is shown to the collector.

import { COOKIE, isOwn, on } from './browser.js';

// Half of how long a token holds: the other half is for the way.
const FRESH_MS = 6e4;
const LINK = /&?_wua=[^&]*/;

let domains;
let site_id;
let ask;
let token;
let whose;
let asked = 0;

const cookie = () => COOKIE.exec(document.cookie)?.[1];

const own = ({ target }) => {
  const link = target.closest('a[href]');
  return link && link.host != location.host && isOwn(link, domains) && link;
};

const isFresh = () => whose == cookie() && Date.now() - asked < FRESH_MS;

// Without a cookie there is nobody to take along: no consent yet, or cookieless.
on('pointerover pointerdown focusin', (event) => {
  const known = cookie();
  if (!known || !own(event) || isFresh()) return;
  token = '';
  asked = Date.now();
  whose = known;
  ask('link', { site_id, visitor_id: known }, (answer) => {
    if (whose == known) token = answer.token;
  });
});

on('click auxclick', (event) => {
  const link = own(event);
  if (!link) return;
  const query = link.search.replace(LINK, '').slice(1);
  link.search = query + (token && isFresh() ? (query && '&') + '_wua=' + token : '');
});

/** Begins; of what a link `brought`, promises the visitor's id if the collector finds it good, else nothing. */
wua.link = (settings, to, brought) => {
  const { href, search } = new URL(to, location);
  site_id = settings.site;
  ask = (path, body, then) =>
    fetch(new URL(path + search, href), { method: 'POST', body: JSON.stringify(body) })
      .then((answer) => answer.json())
      .then(then)
      .catch(() => {});
  if ('cookieless' in settings) return;
  domains = settings.domains;
  return brought && ask('link/verify', { site_id, token: brought[1] }, (answer) => answer.visitor_id || undefined);
};
