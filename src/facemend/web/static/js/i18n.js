/** The page's words, in the reader's language. Each language is one JSON file of the same keys. */

import { settings } from './storage.js';

export const LANGUAGES = { en: 'English', de: 'Deutsch', fr: 'Français', es: 'Español', zh: '中文' };

let words = {};
let askedFor = null; // the language asked for last
const listeners = [];

/** The word for a key, with `{name}` replaced. */
export function t(key, values = {}) {
  const text = words[key] ?? key;
  return text.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
}

export function chosenLanguage() {
  const wanted = [settings.getItem('language'), ...navigator.languages.map((tag) => tag.slice(0, 2))];
  return wanted.find((code) => code in LANGUAGES) ?? 'en';
}

/** Change to a language once its words have come, unless another one has been wanted meanwhile. */
export async function useLanguage(code) {
  askedFor = code;
  const answer = await fetch(`locales/${code}.json`);
  if (!answer.ok) throw new Error(`locales/${code}.json: ${answer.status}`);
  const fetched = await answer.json();
  if (askedFor !== code) return;
  words = fetched;
  document.documentElement.lang = code;
  translate(document);
  for (const tell of listeners) tell();
}

export function onLanguage(tell) {
  listeners.push(tell);
}

/** Fill in `data-t` (text) and `data-label` (name for screen readers, and tooltip) below a node. */
export function translate(root) {
  for (const element of root.querySelectorAll('[data-t]')) element.textContent = t(element.dataset.t);
  for (const element of root.querySelectorAll('[data-label]')) {
    element.setAttribute('aria-label', t(element.dataset.label));
    if (element.matches('button, summary')) element.title = tooltip(element);
  }
}

function tooltip({ dataset }) {
  return dataset.key ? `${t(dataset.label)} (${dataset.key})` : t(dataset.label);
}

export function percent(share) {
  return new Intl.NumberFormat(document.documentElement.lang, { style: 'percent', maximumSignificantDigits: 2 }).format(share);
}
