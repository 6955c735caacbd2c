// What came of an action, told where the page begins; and a question before one that cannot be undone.

import { el } from '../core/dom.js';
import { openDialog } from './dialog.js';

/** Tells it in place of what was told before. */
export function tell(text) {
  document.querySelector('main .told')?.remove();
  document.querySelector('main .chips').after(el('p', { class: 'told', role: 'status' }, text));
}

/** Asks first; `word`, where there is one, has to be typed. `take` does it. */
export function confirm(title, { says, word, action, take }) {
  const typed = word && el('label', {}, el('span', {}, 'To confirm, type ', el('strong', {}, word)),
    el('input', { name: 'typed', required: true, autocomplete: 'off' }));
  return openDialog(title, [el('p', {}, says), typed], {
    action, isDanger: true,
    take: (form) => {
      if (word && form.get('typed') !== word) throw new Error(`That is not “${word}”. Nothing was done.`);
      return take();
    },
  });
}
