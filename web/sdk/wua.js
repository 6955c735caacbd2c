// The script that sites embed: `wua(name, properties)`, and what is seen without being told.

import { on, safe } from './browser.js';
import { watch } from './interactions.js';
import { beat, begin, emit, end, hide, live, moved, shown, signOut } from './page.js';
import { store } from './queue.js';
import { settings } from './settings.js';

const start = () => {
  watch();
  on('scroll keydown pointermove', moved);
  on('pagehide visibilitychange', hide);
  on('pageshow', shown);
  setInterval(safe(beat), 250);
  if (!('consent' in settings)) begin();
};

const early = window.wua?.q;
const refused = !('ignoreGpc' in settings) && (navigator.globalPrivacyControl || navigator.doNotTrack == 1);

// The last two are for the second file.
window.wua = safe((name, properties, type = 'custom_event', url) => {
  if (refused) return;
  if (name == '$consent') properties ? live || begin() : end();
  else if (live && (name != '$identify' || (store.wua || '') != (store.wua = properties.user_id))) {
    emit(type, { ...properties }, name, url);
    if (name == '$identify' && !store.wua) signOut();
  }
});

if (!refused && settings.site) {
  start();
  early?.map((call) => wua(...call));
}
