// Shares of a whole, as one bar with the shares in words below it.

import { el, styled } from '../core/dom.js';
import { percent } from '../core/format.js';

/** `parts`: [{ title, share, kind }], kind one of `good warn bad`. `isShort`: the bar alone, its words for who listens or points. */
export function spread(parts, { isShort = false } = {}) {
  const said = parts.map(({ title, share }) => `${percent(share)} ${title}`).join(' · ');
  const bar = el('span', { class: 'spread', ...(isShort ? { role: 'img', 'aria-label': said, title: said } : { 'aria-hidden': 'true' }) },
    parts.filter(({ share }) => share > 0).map(({ share, kind }) => styled(el('span', { class: kind }), { '--share': share })));
  return isShort ? bar : el('span', { class: 'spreading' }, bar, el('span', { class: 'small muted' }, said));
}
