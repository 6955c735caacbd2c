// The visitor's id: a first-party cookie, or what a link from another domain of the same owner brought along.

import { uuid } from './ids.js';
import { cookieless, settings } from './settings.js';

// Nearly a year.
const AGE_S = 3e7;
const MOST_MS = 12e4;
const LINK = /_wua=([\w-]+)\.(\d+)&?/;

/** The id in use; undefined before `meet`. */
export let visitor;

const remember = (age_s) => {
  if (!cookieless)
    document.cookie = `wua=${visitor};path=/;max-age=${age_s};samesite=lax;domain=${settings.domain || ''}`;
};

/** Ties a link to a time and a kind of browser: passed on to somebody else, it most likely brings no id. */
const kind = navigator.userAgent.length;

const brought = (found) => {
  if (!found) return;
  history.replaceState(history.state, '', location.href.replace(found[0], ''));
  return Math.abs(Date.now() - found[2] / kind) < MOST_MS && found[1];
};

/** Settles who this is: by a link, by the cookie, or `known`; else somebody new. */
export const meet = (
  known = brought(LINK.exec(location.search)) || /\bwua=([^;]+)/.exec(document.cookie)?.[1],
) => {
  // The server can tell an id that ends with the page by its first letter.
  visitor = cookieless ? '~' + uuid() : known || uuid();
  remember(AGE_S);
};

/** Deletes the cookie. */
export const part = () => remember(0);

/** Whether `link` leads to another domain of `data-domains`; if so it takes the visitor's id along. */
export const decorate = (link, query = link.search.replace(LINK, '')) => {
  const known = settings.domains?.split(' ').some((domain) => ('.' + link.hostname).endsWith('.' + domain));
  if (known && !cookieless) link.search = query + (query && '&') + `_wua=${visitor}.${Date.now() * kind}`;
  return known;
};
