// Core web vitals and navigation timings, once for each load of a page, when it is first hidden.

import { onCLS, onFCP, onINP, onLCP, onTTFB } from 'web-vitals';
import { cut, on, path } from './browser.js';

const SPANS = {
  redirect_ms: ['redirectStart', 'redirectEnd'],
  dns_ms: ['domainLookupStart', 'domainLookupEnd'],
  connect_ms: ['connectStart', 'connectEnd'],
  request_ms: ['requestStart', 'responseStart'],
  response_ms: ['responseStart', 'responseEnd'],
  dom_ms: ['responseEnd', 'domContentLoadedEventStart'],
  load_ms: ['startTime', 'loadEventStart'],
};

let values = {};
let reported;

/** The element to blame: the largest, the one acted on, or the one that shifted most. */
const blamed = (entries) => {
  const entry = entries.reduce((most, one) => (one.value > most.value ? one : most), entries[0]);
  const node = entry?.element || entry?.target || entry?.sources?.[0]?.node;
  return node && cut(path(node.localName ? node : node.parentElement), 256);
};

const keep = ({ name, value, entries }) => {
  const key = name.toLowerCase();
  values[name == 'CLS' ? key : `${key}_ms`] = value;
  values[`${key}_element`] = blamed(entries);
};

const report = () => {
  if (reported || !document.hidden || !('ttfb_ms' in values)) return;
  reported = 1;
  const navigation = performance.getEntriesByType('navigation')[0];
  for (const span in SPANS) {
    const [start, end] = SPANS[span];
    values[span] = Math.max(0, navigation[end] - navigation[start]);
  }
  // Chromium alone says so: slow-2g, 2g, 3g, 4g. What is undefined is not sent.
  values.connection = navigator.connection?.effectiveType;
  // Of the page that was loaded, whatever route is shown now.
  wua('$web_vitals', values, undefined, navigation.name.split(/[?#]/)[0]);
};

export const watchVitals = () => {
  for (const measure of [onTTFB, onFCP, onLCP, onCLS, onINP]) measure(keep);
  // After the library's own, which has its last words when the page hides.
  on('visibilitychange', report);
  on('pageshow', ({ persisted }) => {
    if (persisted) values = {};
    reported &&= !persisted;
  });
};
