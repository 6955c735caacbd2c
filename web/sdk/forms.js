// Submitted forms: their names and how many fields they have, never what was filled in.

import { cut, on, path } from './browser.js';

const submitted = ({ target }) =>
  // TRICKY: form.name is a field, where a field has that name.
  wua('', { form: cut(target.getAttribute('name') || path(target), 128), fields: target.length }, 'form_submit');

export const watchForms = () => on('submit', submitted);
