// The REST API, as this page's viewer may ask it. An error says what went wrong as the server said it.

const meta = (name) => document.querySelector(`meta[name="${name}"]`)?.content ?? '';

/** What the server refused: `title` and `detail` are for people. */
export class ApiError extends Error {
  constructor({ status, title, detail }) {
    super(detail || title);
    Object.assign(this, { status, title, detail });
  }
}

/** The address of a question: parameters that are null or empty are left out, and an object, such as a filter, is its JSON. */
export function addressOf(path, parameters) {
  const given = Object.entries(parameters).filter(([, value]) => value !== null && value !== undefined && value !== '');
  const asked = new URLSearchParams(given.map(([name, value]) => [name, typeof value === 'object' ? JSON.stringify(value) : value]));
  return asked.size ? `${path}?${asked}` : path;
}

/** The answer to a question of parameters. */
export const get = (path, parameters = {}, { signal } = {}) => send(addressOf(path, parameters), { signal });

/** The answer to a body. */
export const post = (path, body, { signal } = {}) => send(path, { method: 'POST', body, signal });
export const put = (path, body, { signal } = {}) => send(path, { method: 'PUT', body, signal });
export const remove = (path, { signal } = {}) => send(path, { method: 'DELETE', signal });

async function send(url, { method, body, signal } = {}) {
  const answer = await asking(url, { method, body, signal });
  return answer.status === 204 ? null : answer.json();
}

/** The response to a request, an ApiError where it is refused. */
export async function asking(url, { method = 'GET', body, accept = 'application/json', signal } = {}) {
  const headers = { Accept: accept };
  if (body !== undefined) headers['Content-Type'] = 'application/json';
  if (method !== 'GET' && meta('csrf-token')) headers['X-CSRF-Token'] = meta('csrf-token');
  if (meta('share-token')) headers['X-Share-Token'] = meta('share-token');
  let answer;
  try {
    answer = await fetch(url, { method, headers, signal, body: body === undefined ? undefined : JSON.stringify(body) });
  } catch (error) {
    if (error.name === 'AbortError') throw error;
    throw new ApiError({ status: 0, title: 'The server cannot be reached', detail: 'Look at the network, then try again.' });
  }
  if (answer.ok) return answer;
  const told = await answer.json().catch(() => ({ title: answer.statusText }));
  throw new ApiError({ status: answer.status, title: told.title, detail: told.detail });
}
