// A text to copy, with a button that does it.

import { el } from '../core/dom.js';

/** `text` as it is pasted; `label` says what the button copies. */
export function copied(text, label) {
  const button = el('button', { type: 'button', class: 'small', 'aria-label': `Copy ${label}` }, 'Copy');
  const shown = el('pre', { class: 'raw', tabindex: 0 }, text);
  button.addEventListener('click', async () => {
    try {
      await navigator.clipboard.writeText(text);
      button.textContent = 'Copied';
    } catch {
      getSelection().selectAllChildren(shown);
      button.textContent = 'Selected: copy it';
    }
  });
  return el('div', { class: 'copied' }, shown, button);
}
