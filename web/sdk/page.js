// The page at hand: its views, how long it was looked at, how far it was scrolled.

import { cut, root, safe } from './browser.js';
import { uuid } from './ids.js';
import { flush, forget, pass, put, store, TO } from './queue.js';
import { settings, source } from './settings.js';
import { meet, part, visitor } from './visitor.js';

const BEAT_MS = 250;
// Who has not moved for a minute is not reading any more.
const IDLE_BEATS = 240;
const PATIENCE_MS = 1e3;

export let live;
let page;
// Events of whom the collector is being asked about.
let held;
let referrer;
let engaged = 0;
let beats = IDLE_BEATS;
let deepest = 0;
let quarter = 0;

const keep = (event) => (held ? held.push(event) : put(event, (event.visitor_id = visitor)));

/** Puts an event into the queue; `url` where it is not of the page at hand. */
export const emit = (event_type, properties, name, url) => {
  view();
  // Without consent, or before anybody sees the page, there is none.
  if (!page) return;
  keep({
    event_id: uuid(),
    event_type,
    name,
    site_id: settings.site,
    user_id: cut(store.wua, 128),
    occurred_at: Date.now(),
    url: cut(url || page, 2048),
    referrer: cut(referrer, 2048),
    title: cut(document.title, 512),
    language: navigator.language,
    timezone: Intl.DateTimeFormat().resolvedOptions().timeZone,
    screen_width: screen.width,
    screen_height: screen.height,
    viewport_width: innerWidth,
    viewport_height: innerHeight,
    webdriver: navigator.webdriver,
    properties,
  });
};

const load = (file, then) => import(new URL(file, source)).then(then).catch(() => {});

const leave = (url) => {
  if (engaged) emit('custom_event', { engaged_ms: engaged, scroll_depth: deepest }, '$page_leave', url);
  engaged = 0;
};

/** A page view, if the address is another one than before. */
const view = (
  load_ms,
  // What follows # is no page of its own, unless it looks like a route.
  url = location.href.replace(/#(?![/!]).*/, ''),
  before = page,
) => {
  if (!live || url == page || document.prerendering) return;
  page = url;
  if (before) leave(before);
  referrer = before || document.referrer;
  engaged = deepest = quarter = 0;
  emit('page_view', { load_ms });
  // Again and again: a module is loaded once.
  load('wua-vitals.js');
};

/** Four times a second: new addresses are seen whatever router changes them, its functions left as they are. */
export const beat = () => {
  if (!live) return;
  pass();
  // A page view has the load time, if it may wait for it; any other event makes it wait no longer.
  if (document.readyState == 'complete') view();
  if (document.hasFocus() && beats-- > 0) engaged += BEAT_MS;
  if (scrollY) deepest = Math.max(deepest, Math.min(100, Math.round(((scrollY + innerHeight) / root.scrollHeight) * 100)));
  if (deepest >= quarter + 25) emit('scroll', { scroll_depth: (quarter = deepest - (deepest % 25)) });
};

export const moved = () => (beats = IDLE_BEATS);

export const hide = () => {
  view();
  leave();
  settle();
  if (live) flush(1);
};

/** Says whose the events are that were held. */
const settle = safe((known, events = held) => {
  if (!events) return;
  held = 0;
  meet(known);
  events.map(keep);
});

/** Begins: from here on there are events; held for a moment where a link brought along who this is. */
export const begin = (found = /_wua=([^&]*)&?/.exec(location.search)) => {
  live = held = [];
  setTimeout(settle, found && PATIENCE_MS);
  if (found) history.replaceState(history.state, '', location.href.replace(found[0], ''));
  if (found || settings.domains) load('wua-links.js', () => wua.link(settings, TO, found)).then(settle);
};

/** After the load, which took so long; a page that came back from the back/forward cache is viewed again. */
export const shown = ({ persisted }) => view(persisted ? (page = 0) : performance.now());

/** Who signed out is gone with what was seen so far; whoever comes is somebody else. */
export const signOut = () => {
  leave();
  settle();
  meet('');
};

/** Ends, and deletes all that is stored. */
export const end = () => {
  live = page = held = 0;
  forget();
  delete store.wua;
  part();
};
