// A form in a dialog of the browser: it holds the focus, closes by Escape, and gives the focus back.

import { el } from '../core/dom.js';

/** Opens it; `take` is called when the form is sent and may return a promise: an error is shown, and it stays open. */
export function openDialog(title, fields, { action, take, isDanger = false }) {
  const trouble = el('p', { class: 'trouble', role: 'alert', hidden: true });
  const send = el('button', { type: 'submit', class: isDanger ? 'danger' : 'primary' }, action);
  const form = el('form', {}, el('h2', {}, title), ...fields, trouble,
    el('p', { class: 'actions' }, send,
      el('button', { type: 'button', on: { click: () => dialog.close() } }, 'Cancel')));
  const dialog = el('dialog', { 'aria-label': title }, form);
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    send.disabled = true;
    try {
      await take(new FormData(form));
      dialog.close();
    } catch (error) {
      trouble.textContent = error.message;
      trouble.hidden = false;
    }
    send.disabled = false;
  });
  dialog.addEventListener('close', () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
}
