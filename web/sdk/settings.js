// The script tag, and what it says.

const script = document.currentScript;

export const source = script.src;
/** The `data-*` attributes. */
export const settings = script.dataset;
export const cookieless = 'cookieless' in settings;
