// What a value of a dimension is called.

import { country, language, words } from './format.js';

const NAMES = {
  country: (value) => (value ? country(value) : 'Unknown'),
  language: (value) => (value ? language(value) : 'Unknown'),
  device_class: (value) => words(value) || 'Unknown',
  source: (value) => value || 'Direct',
  referrer_host: (value) => value || 'Direct',
};
const EMPTY = {
  campaign: 'No campaign', medium: 'None', region: 'Unknown', city: 'Unknown', browser: 'Unknown', os: 'Unknown', goal: 'None',
};

/** A value as a person reads it. */
export const shown = (field, value) => (NAMES[field] ?? ((one) => one || EMPTY[field] || 'None'))(value);
