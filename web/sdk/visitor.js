// The visitor's id: a first-party cookie, or what a link from another domain of the same owner brought along.

import { uuid } from './ids.js';
import { cookieless, settings } from './settings.js';

const YEAR_S = 31536000;
const LINK = /_wua=([\w-]+)\.(\d+)&?/;

/** The id in use; undefined before `meet`. */
export let visitor;

const remember = (age_s) => {
  if (!cookieless)
    document.cookie = `wua=${visitor};path=/;max-age=${age_s};samesite=lax;domain=${settings.domain || ''}`;
};

/** Ties a link to a minute and a kind of browser: passed on to somebody else, it most likely brings no id. */
const sign = (minutes_ago) => ((Date.now() / 6e4 - minutes_ago) | 0) * navigator.userAgent.length;

const brought = (found) => {
  if (!found) return;
  history.replaceState(history.state, '', location.href.replace(found[0], ''));
  const [, id, signed] = found;
  return (signed == sign(0) || signed == sign(1)) && id;
};

/** Settles who this is. */
export const meet = () => {
  // The server can tell an id that ends with the page by its first letter.
  visitor = cookieless
    ? '~' + uuid()
    : brought(LINK.exec(location.search)) || /\bwua=([^;]+)/.exec(document.cookie)?.[1] || uuid();
  remember(YEAR_S);
};

/** Deletes the cookie. */
export const part = () => remember(0);

/** Whether `link` leads to another domain of `data-domains`; if so it takes the visitor's id along. */
export const decorate = (link, query = link.search.replace(LINK, '')) => {
  const known = (settings.domains || '').split(' ').some((domain) => `.${link.hostname}`.endsWith('.' + domain));
  if (known && !cookieless) link.search = `${query}${query && '&'}_wua=${visitor}.${sign(0)}`;
  return known;
};
