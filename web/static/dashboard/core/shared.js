// One answer for all panels that ask the same at the same time.

import { get } from './api.js';

const SHARED_MS = 5000;

/** `get` of one question at a time; whoever asks the same soon after gets the same answer. A failure is not kept. */
export function sharing() {
  let latest = { key: '', at: 0, answer: null };
  return (path, parameters) => {
    const key = `${path} ${JSON.stringify(parameters)}`;
    if (latest.key === key && Date.now() - latest.at < SHARED_MS) return latest.answer;
    const asked = { key, at: Date.now(), answer: get(path, parameters) };
    asked.answer.catch(() => { asked.key = ''; });
    latest = asked;
    return asked.answer;
  };
}
