// Events wait in localStorage, one key each, until the collector has answered for them. No page edits what
// another one wrote, so tabs cannot lose each other's events; at worst two send the same one, which has the
// same event_id then.

import { on, safe } from './browser.js';
import { cookieless, settings, source } from './settings.js';

export const TO = settings.to || new URL('api/v1/events', source);
const PREFIX = `wua:${settings.site}:`;
const BEATS_A_SECOND = 4;
const MOST_WAITING = 500;
const MOST_AT_ONCE = 25;
// The browser takes no more than 64 KiB to send after the page has gone; of three bytes a character here.
const MOST_KEPT_ALIVE = 2e4;
// Taken, refused for good, or too large for ever; with any other answer the batch is sent again.
const FINAL = /^2|400|413/;

/** localStorage; without it, or in cookieless mode, an object that ends with the page. */
export let store = {};
safe(() => {
  if (!cookieless) store = localStorage || store;
})();

let sending = [];
let failures = 0;
let wait = 0;

const drop = (keys) => keys.map((key) => delete store[key]);

const waiting = () =>
  Object.keys(store)
    .filter((key) => key.startsWith(PREFIX) && !sending.includes(key))
    .sort();

/** Sends what waits. A page that hides hands it to the browser, since it may not live to see the answer. */
export const flush = (
  hiding,
  batch = waiting().slice(0, MOST_AT_ONCE),
  body = `[${batch.map((key) => `${store[key].slice(0, -1)},"sent_at":${Date.now()}}`)}]`,
) => {
  if (!batch[0]) return;
  if (hiding) {
    // A beacon tells nothing of how it went: what may well fail waits for the next page instead.
    if (!failures && navigator.onLine && navigator.sendBeacon(TO, body)) drop(batch);
  } else if (!sending[0]) {
    sending = batch;
    fetch(TO, { method: 'POST', body, keepalive: body.length < MOST_KEPT_ALIVE })
      .then(
        (answer) => FINAL.test(answer.status) || answer.headers.get('Retry-After'),
        () => 0,
      )
      .then((after) => {
        sending = [];
        if (after === true) drop(batch, (failures = 0));
        else failures++;
        // `true` is a second: there may be more.
        wait = BEATS_A_SECOND * (+after || Math.min(2 ** failures, 300));
      });
  }
};

/** Called four times a second: sends when it is time to. */
export const pass = () => {
  if (wait && !--wait) flush();
};

/** Adds an event, at the cost of the oldest when there are too many. */
export const put = (event) => {
  drop(waiting().slice(0, -MOST_WAITING));
  store[PREFIX + event.event_id] = JSON.stringify(event);
  wait ||= BEATS_A_SECOND;
  if (document.hidden) flush(1);
};

/** Deletes whatever waits or is under way. */
export const forget = () => {
  sending = [];
  drop(waiting());
};

// At its own beat, not at once: every tab is told at the same moment, and the first to send does it for all.
on('online', () => (wait = 1));
