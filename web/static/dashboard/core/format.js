// Figures, times and names as a person reads them.

const LOCALE = 'en';
const whole = new Intl.NumberFormat(LOCALE, { maximumFractionDigits: 0 });
const short = new Intl.NumberFormat(LOCALE, { notation: 'compact', maximumFractionDigits: 1 });
const fine = new Intl.NumberFormat(LOCALE, { maximumFractionDigits: 2 });
const share = new Intl.NumberFormat(LOCALE, { style: 'percent', maximumFractionDigits: 1 });
const regions = new Intl.DisplayNames(LOCALE, { type: 'region', fallback: 'code' });
const languages = new Intl.DisplayNames(LOCALE, { type: 'language', fallback: 'code' });

/** 12,345 */
export const number = (value) => whole.format(value);
/** 12.3K; as it is below 10,000. */
export const compact = (value) => (Math.abs(value) < 10_000 ? whole.format(value) : short.format(value));
/** 12.34 */
export const decimal = (value) => fine.format(value);
/** 0.123 -> 12.3% */
export const percent = (value) => share.format(value);

/** 75 -> 1m 15s; 0.4 -> 0.4s */
export function seconds(value) {
  if (value < 10) return `${fine.format(value)}s`;
  const all = Math.round(value);
  const [hours, minutes, rest] = [Math.floor(all / 3600), Math.floor((all % 3600) / 60), all % 60];
  if (hours) return `${hours}h ${minutes}m`;
  return minutes ? `${minutes}m ${rest}s` : `${rest}s`;
}

/** 2345 -> 2.35s; 120 -> 120ms */
export const milliseconds = (value) => (value >= 1000 ? `${fine.format(value / 1000)}s` : `${whole.format(value)}ms`);

/** An amount; without a currency as a number. */
export function money(value, currency = '') {
  const digits = Math.abs(value) >= 1000 ? 0 : 2;
  if (!currency) return new Intl.NumberFormat(LOCALE, { maximumFractionDigits: digits }).format(value);
  return new Intl.NumberFormat(LOCALE, {
    style: 'currency', currency, minimumFractionDigits: digits, maximumFractionDigits: digits,
  }).format(value);
}

/** 1536 -> 1.5 kB */
export function bytes(value) {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let left = value;
  let unit = 0;
  while (left >= 1000 && unit < units.length - 1) {
    left /= 1000;
    unit += 1;
  }
  return `${unit ? fine.format(left) : whole.format(left)} ${units[unit]}`;
}

/** A change relative to before: +12%; an empty text where there is none. */
export function change(value) {
  if (value === null || value === undefined) return '';
  const shown = new Intl.NumberFormat(LOCALE, { style: 'percent', maximumFractionDigits: 0, signDisplay: 'exceptZero' });
  return shown.format(value);
}

/** 2026-03-29 -> Sun 29 Mar; a time of UTC as one of the site's clock. */
export function moment(at, zone) {
  if (/^\d{4}-\d{2}-\d{2}$/.test(at)) {
    return new Intl.DateTimeFormat(LOCALE, { weekday: 'short', day: 'numeric', month: 'short', timeZone: 'UTC' })
      .format(new Date(`${at}T00:00:00Z`));
  }
  return new Intl.DateTimeFormat(LOCALE, {
    day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit', hourCycle: 'h23', timeZone: zone,
  }).format(new Date(at));
}

/** A time of UTC as date and time of the site's clock, to the second. */
export function clock(at, zone) {
  return new Intl.DateTimeFormat(LOCALE, {
    day: 'numeric', month: 'short', year: 'numeric', hour: '2-digit', minute: '2-digit', second: '2-digit',
    hourCycle: 'h23', timeZone: zone,
  }).format(new Date(at));
}

/** How long ago: 5 min ago. */
export function ago(at, now = Date.now()) {
  const minutes = Math.max(0, Math.round((now - new Date(at).getTime()) / 60_000));
  if (minutes < 1) return 'just now';
  if (minutes < 60) return `${minutes} min ago`;
  if (minutes < 48 * 60) return `${Math.round(minutes / 60)} h ago`;
  return `${Math.round(minutes / 1440)} days ago`;
}

/** DE -> Germany */
export const country = (code) => (/^[A-Z]{2}$/.test(code) ? regions.of(code) : code);
/** de -> German */
export function language(code) {
  try {
    return code ? languages.of(code) : code;
  } catch {
    return code;
  }
}
/** organic_search -> Organic search */
export const words = (name) => (name ? name[0].toUpperCase() + name.slice(1).replaceAll('_', ' ') : name);
