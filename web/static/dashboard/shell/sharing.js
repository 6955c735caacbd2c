// A link that shows this view to somebody who cannot sign in; for administrators.

import { post } from '../core/api.js';
import { el } from '../core/dom.js';
import { filterOf } from '../core/state.js';
import { copied } from '../parts/copying.js';
import { openDialog } from '../parts/dialog.js';

/** The button that asks for one. */
export function sharing(view) {
  return el('button', { type: 'button', on: { click: () => ask(view) } }, 'Share …');
}

function ask(view) {
  const { state, uses } = view;
  const filter = uses.includes('filters') ? filterOf(state) : undefined;
  openDialog(`Share ${state.site.id}`, [
    el('p', { class: 'small' }, 'Whoever has the link reads sums of this site, nothing of single people, until it is revoked under Settings.',
      filter && ' Only what passes the filters of this view.'),
    el('label', {}, 'Label, such as whom it is for', el('input', { name: 'label', required: true, maxlength: 100 })),
    el('label', {}, 'Password; empty: none', el('input', { name: 'password', type: 'password', autocomplete: 'new-password' })),
    el('label', {}, 'May be embedded by, such as https://www.example.com', el('input', { name: 'origin' })),
  ], {
    action: 'Make the link',
    take: async (form) => show(await post(`/api/v1/sites/${encodeURIComponent(state.site.id)}/shares`, {
      label: form.get('label'), page: location.pathname, filter, password: form.get('password'),
      frame_ancestors: form.get('origin') ? [form.get('origin')] : [],
    })),
  });
}

/** The link, this once. */
function show({ share, path, embed_path: embedded }) {
  setTimeout(() => openDialog(`The link “${share.label}”`, [
    el('p', {}, 'Copy it now: it is shown this once.'),
    copied(location.origin + path, 'the link'),
    ...(embedded ? [el('p', {}, 'To embed it:'), copied(`<iframe src="${location.origin}${embedded}"></iframe>`, 'the frame')] : []),
  ], { action: 'I have it', take: () => {} }));
}
