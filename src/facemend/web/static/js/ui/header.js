/** The bar at the top: views, undo and redo, and the menu with theme and language. */

import { LANGUAGES, chosenLanguage, onLanguage, t, useLanguage } from '../i18n.js';
import { settings } from '../storage.js';
import { $, button, h } from './dom.js';

const VIEWS = { paint: 'brush', layout: 'layout', compare: 'split' };
const THEMES = ['auto', 'light', 'dark'];

export function buildHeader(studio, stage) {
  const views = Object.fromEntries(Object.entries(VIEWS).map(([view, icon]) => [view, button(icon, `view.${view}`, () => studio.show(view))]));
  $('views').append(...Object.values(views));
  studio.store.watch(['view', 'steps', 'photo', 'busy'], ({ view, steps, photo, busy }) => {
    for (const [name, element] of Object.entries(views)) {
      element.setAttribute('aria-pressed', String(name === view));
      element.setAttribute('aria-disabled', String(Boolean(busy))); // not `disabled`: the button keeps the focus
    }
    views.compare.disabled = steps.length < 2;
    document.body.toggleAttribute('data-empty', !photo);
    document.title = photo ? `${photo.name} · facemend` : 'facemend';
  });
  $('undo').onclick = () => studio.painting.undo();
  $('redo').onclick = () => studio.painting.redo();
  studio.store.watch(['canUndo', 'canRedo', 'busy'], ({ canUndo, canRedo, busy }) => {
    for (const [name, can] of [['undo', canUndo], ['redo', canRedo]]) {
      if (!can && document.activeElement === $(name)) $('stage').focus(); // what is disabled cannot keep it
      $(name).disabled = !can || Boolean(busy);
    }
  });
  buildTheme(stage);
  buildLanguage();
  showPrivacy(studio.api);
}

function buildTheme(stage) {
  const apply = () => {
    const theme = settings.getItem('theme') ?? 'auto';
    if (theme === 'auto') delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme;
    $('theme-name').textContent = t(`theme.${theme}`);
    stage.useTheme();
  };
  $('theme').onclick = () => {
    const now = THEMES.indexOf(settings.getItem('theme') ?? 'auto');
    settings.setItem('theme', THEMES[(now + 1) % THEMES.length]);
    apply();
  };
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => stage.useTheme());
  apply();
  onLanguage(apply);
}

function buildLanguage() {
  $('language').append(...Object.entries(LANGUAGES).map(([value, textContent]) => h('option', { value, textContent, lang: value })));
  $('language').value = chosenLanguage();
  const inUse = () => document.documentElement.lang;
  const show = () => ($('language').value = inUse());
  $('language').onchange = () => useLanguage($('language').value).then(() => settings.setItem('language', inUse()), show);
  onLanguage(show);
}

/** On this computer nothing leaves it; a server elsewhere is named. */
function showPrivacy({ keepsPhotosHere, notice }) {
  const render = () => {
    const privacy = keepsPhotosHere ? t('privacy.here') : t('privacy.there', { host: location.host });
    for (const place of document.querySelectorAll('.privacy-text')) place.textContent = notice ? `${privacy} ${t(notice)}` : privacy;
  };
  render();
  onLanguage(render);
}
