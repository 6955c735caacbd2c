// The visitor's id: a first-party cookie.

import { COOKIE } from './browser.js';
import { uuid } from './ids.js';
import { cookieless, settings } from './settings.js';

// Nearly a year.
const AGE_S = 3e7;

/** The id in use; undefined before `meet`. */
export let visitor;

const remember = (age_s) => {
  if (!cookieless)
    document.cookie = `wua=${visitor};path=/;max-age=${age_s};samesite=lax;domain=${settings.domain || ''}`;
};

/** Settles who this is: by `known`, or the cookie; else somebody new. */
export const meet = (known = COOKIE.exec(document.cookie)?.[1]) => {
  // The server can tell an id that ends with the page by its first letter.
  visitor = cookieless ? '~' + uuid() : known || uuid();
  remember(AGE_S);
};

/** Deletes the cookie. */
export const part = () => remember(0);
