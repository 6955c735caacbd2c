// Elements of HTML and SVG. Text is always set as text, never as markup.

const SVG = 'http://www.w3.org/2000/svg';

/** An element. `attributes`: `class`, `on` ({event: listener}), anything else as an attribute; none where it is null or false. */
export function el(tag, attributes = {}, ...children) {
  return filled(document.createElement(tag), attributes, children);
}

/** The same of SVG. */
export function svg(tag, attributes = {}, ...children) {
  return filled(document.createElementNS(SVG, tag), attributes, children);
}

function filled(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name === 'on') for (const [event, listener] of Object.entries(value)) element.addEventListener(event, listener);
    else element.setAttribute(name, value === true ? '' : value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/** A length or place as a custom property: a strict policy for styles lets no style attribute through. */
export function styled(element, properties) {
  for (const [name, value] of Object.entries(properties)) element.style.setProperty(name, value);
  return element;
}

/** What a custom property of the look is at this moment, as a colour that a canvas understands. */
export function colour(name) {
  const probe = styled(el('span', { hidden: true }), { color: `var(${name})` });
  document.body.append(probe);
  const found = getComputedStyle(probe).color;
  probe.remove();
  return found;
}
