/** Makes elements. */

import { t } from '../i18n.js';

export const $ = (id) => document.getElementById(id);

/** An element with properties, listeners (`onclick`), attributes (`aria-...`, `data-...`, `role`) and children. */
export function h(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name.includes('-') || name === 'role') element.setAttribute(name, value);
    else element[name] = value;
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

function icon(name) {
  const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
  const use = document.createElementNS('http://www.w3.org/2000/svg', 'use');
  svg.setAttribute('class', 'icon');
  svg.setAttribute('aria-hidden', 'true');
  use.setAttribute('href', `icons.svg#${name}`);
  svg.append(use);
  return svg;
}

/** A button with an icon and words in the page's language; `translate` keeps them right when it changes. */
export function button(iconName, key, onclick, properties = {}) {
  return h('button', { type: 'button', onclick, ...properties }, icon(iconName), h('span', { 'data-t': key, textContent: t(key) }));
}

/** A button that shows its icon alone; its name is read aloud and shown as a tooltip. */
export function iconButton(iconName, key, onclick, properties = {}) {
  return h('button', { type: 'button', className: 'tool', onclick, 'data-label': key, 'aria-label': t(key), ...properties }, icon(iconName));
}

/** Do something at a click, but not at the second of a double click, which was meant for what was under the pointer before. */
export function atFirstClick(action) {
  return ({ detail }) => detail < 2 && action();
}

export function words(tag, key, properties = {}) {
  return h(tag, { 'data-t': key, textContent: t(key), ...properties });
}

/** A spot of a colour, RGB; null leaves it empty. */
export function swatch(color) {
  const element = h('i', { className: 'swatch' });
  element.style.background = color ? `rgb(${color.join(' ')})` : 'none';
  return element;
}

/** Save a blob as a file of the reader's. */
export function saveAs(blob, name) {
  const link = h('a', { href: URL.createObjectURL(blob), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60000);
}
