// An answer that comes again and again: server-sent events, read by fetch, which can also say who asks and why not.

import { ApiError, asking } from './api.js';

/**
 * Follows `path` until `signal` aborts. `take(answer)` is called for each; `tell(isThere, error)` when it is lost or there
 * again. One that ends is asked anew: at once where the server ended it, after a while where it failed.
 */
export async function follow(path, { signal, take, tell, wait = 5000 }) {
  while (!signal.aborted) {
    try {
      await once(path, { signal, take, tell });
    } catch (error) {
      if (signal.aborted) return;
      tell(false, error);
      await new Promise((done) => {
        const timer = setTimeout(done, wait);
        signal.addEventListener('abort', () => { clearTimeout(timer); done(); }, { once: true });
      });
    }
  }
}

async function once(path, { signal, take, tell }) {
  const answer = await asking(path, { accept: 'text/event-stream', signal });
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = '';
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const messages = (text + value).split('\n\n');
    text = messages.pop();
    for (const { event, data } of messages.map(parsed)) {
      if (event === 'trouble') tell(false, new ApiError(data));
      else if (data) {
        tell(true);
        take(data);
      }
    }
  }
}

function parsed(message) {
  const lines = message.split('\n');
  const after = (name) => lines.filter((line) => line.startsWith(`${name}: `)).map((line) => line.slice(name.length + 2)).join('\n');
  const data = after('data');
  return { event: after('event'), data: data ? JSON.parse(data) : null };
}
