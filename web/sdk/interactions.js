// Clicks, and where they lead.

import { cut, isOwn, on, path, root } from './browser.js';
import { emit, live } from './page.js';
import { settings } from './settings.js';

const FILE = /\.(pdf|zip|(doc|xls|ppt)x?|csv|exe|dmg|mp[34])$/i;

const clicked = ({ target, button, pageX, pageY }) => {
  if (!live || button > 1) return;
  const link = target.closest('a[href]');
  const away = link?.host && link.host != location.host && !isOwn(link, settings.domains);
  const name = link && (FILE.test(link.pathname) || link.attributes.download) ? 'download' : away ? 'outbound' : '';
  emit(
    'click',
    {
      element: path(target).slice(-512),
      // Never what somebody wrote: only what the page's author put on a link or button.
      text: target.isContentEditable ? '' : cut(target.closest('a,button')?.innerText, 64),
      x: Math.max(0, pageX / root.scrollWidth),
      y: Math.max(0, pageY / root.scrollHeight),
      href: name && link.origin + link.pathname,
    },
    name,
  );
};

export const watch = () => {
  on('click auxclick', clicked);
};
