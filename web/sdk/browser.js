// What the files need of the browser: listeners, short texts, the place of an element, the cookie.

export const root = document.documentElement;

/** Nothing that goes wrong in here may be seen by the page. */
export const safe = (action) => (...given) => {
  try {
    return action(...given);
  } catch {}
};

/** Listens before the page does, so that nothing that the page stops is missed. */
export const on = (types, action) =>
  types.split(' ').map((type) => addEventListener(type, safe(action), true));

/** At most so many characters, as the collector counts them; never half of one. */
export const cut = (text, most) => [...String(text ?? '').trim()].slice(0, most).join('');

/** From the nearest element with an id, or the body, down to this one. */
export const path = (element) => {
  const kind = element.classList[0];
  return (
    (element.matches('[id],body>*,html') ? '' : path(element.parentElement) + ' > ') +
    element.localName +
    (element.id ? '#' + element.id : kind ? '.' + kind : '')
  );
};

/** Finds the visitor's id in document.cookie. */
export const COOKIE = /\bwua=([^;]+)/;

/** Whether a link leads to one of `domains`, or below one. */
export const isOwn = (link, domains) =>
  domains?.split(' ').some((domain) => ('.' + link.hostname).endsWith('.' + domain));
