/** The dialogs: keyboard shortcuts, download, and the server's token. */

import { onLanguage, t, translate } from '../i18n.js';
import { SHORTCUTS } from '../shortcuts.js';
import { $, button, h, iconButton, saveAs, words } from './dom.js';
import { describe } from './messages.js';

const NAMES = { png: 'PNG', tiff: 'TIFF', webp: 'WebP', jpeg: 'JPEG', bmp: 'BMP', heic: 'HEIC' };
const LOSSY = ['jpeg', 'heic'];
const SUFFIXES = { jpeg: 'jpg', tiff: 'tif' }; // other kinds of picture are called as their suffix

export function buildHelp() {
  const dialog = $('help');
  const render = () => {
    const groups = Object.entries(SHORTCUTS).map(([group, shortcuts]) =>
      h('section', {}, words('h3', `keys.${group}`), h('dl', {}, ...shortcuts.map(([keys, key]) =>
        h('div', {}, h('dt', { textContent: t(key) }), h('dd', {}, ...keys.map((text) => h('kbd', { textContent: text }))))))),
    );
    dialog.replaceChildren(head('help-title', 'help.title', dialog), h('div', { className: 'keys' }, ...groups));
    translate(dialog);
  };
  onLanguage(render);
  $('help-open').onclick = () => dialog.showModal();
  $('menu-help').onclick = () => ($('menu').hidePopover(), dialog.showModal());
  closeOnBackdrop(dialog);
  return () => dialog.showModal();
}

export function buildDownload(studio) {
  const dialog = $('download');
  const { elements, chosen } = formatChoice(studio);
  const problem = h('p', { className: 'problem', 'data-problem': 'download', role: 'alert', hidden: true });
  const working = h('div', { className: 'working', hidden: true },
    h('div', { className: 'working-text' }, h('span', { role: 'status' })), h('progress', { max: 1, 'data-label': 'progress', 'aria-label': '' }));
  const save = button('download', 'download.save', () => download(), { className: 'primary wide' });
  const download = async () => {
    save.hidden = true;
    const blob = await studio.export(chosen());
    save.hidden = false;
    if (!blob) return save.focus();
    const kind = blob.type.split('/')[1];
    saveAs(blob, fileName(studio, studio.state.shown.step > 0 ? '-restored' : '', SUFFIXES[kind] ?? kind));
    dialog.close();
  };
  dialog.append(
    head('download-title', 'download.title', dialog), ...elements, problem, save, working,
    h('div', { className: 'extras' },
      button('mask', 'download.mask', async () => saveAs(await studio.painting.mask.toPng(), fileName(studio, '-mask', 'png')), { className: 'quiet small', id: 'save-mask' }),
      button('layout', 'download.layout', async () => saveAs(await studio.layoutPng(), fileName(studio, '-layout', 'png')), { className: 'quiet small', id: 'save-layout' })),
  );
  studio.store.watch(['networkLayout'], ({ networkLayout }) => ($('save-layout').disabled = !networkLayout));
  dialog.onclose = () => studio.state.busy?.kind === 'export' && studio.jobs.stopShown();
  closeOnBackdrop(dialog);
  return () => dialog.showModal();
}

/** What the photo can be saved as, and what that does to it; `chosen()` is null for the photo's own format. */
function formatChoice(studio) {
  const formats = h('div', { className: 'formats', role: 'radiogroup' });
  const note = h('p', { className: 'soft' });
  const chosen = () => formats.querySelector('input:checked').value || null;
  const explain = () => {
    const format = chosen() ?? studio.state.photo.kind;
    note.textContent = t(LOSSY.includes(format) ? 'download.lossy' : 'download.lossless', { name: NAMES[format] });
  };
  const render = () => {
    const { photo } = studio.state;
    if (!photo) return;
    const { formats: all, keptFormats } = studio.api;
    const choices = all.filter((format) => format !== photo.kind).map((format) => [format, NAMES[format]]);
    if (keptFormats.includes(photo.kind)) choices.unshift(['', t('download.own', { name: NAMES[photo.kind] })]);
    formats.replaceChildren(...choices.map(([value, label], i) =>
      h('label', { className: 'format' }, h('input', { type: 'radio', name: 'format', value, checked: i === 0, onchange: explain }), h('span', { textContent: label }))));
    formats.setAttribute('aria-label', t('download.format'));
    explain();
  };
  studio.store.watch(['photo'], render);
  onLanguage(render);
  return { elements: [formats, note], chosen };
}

function fileName(studio, what, suffix) {
  return `${studio.state.photo.name.replace(/\.[^.]*$/, '')}${what}.${suffix}`;
}

/** Ask for the server's token; resolves to null when the person gives up. */
export function askToken(wasWrong) {
  const dialog = $('token');
  const input = h('input', { type: 'password', id: 'token-input', required: true, autocomplete: 'off', autofocus: true });
  const form = h('form', { method: 'dialog' },
    head('token-title', 'token.title', dialog),
    words('p', 'token.hint', { className: 'soft' }),
    h('label', { className: 'field stacked' }, words('span', 'token.label'), input),
    ...(wasWrong ? [h('p', { className: 'problem', role: 'alert', textContent: describe({ code: 'token' }) })] : []),
    h('button', { className: 'primary wide', value: 'ok' }, words('span', 'token.ok')));
  dialog.replaceChildren(form);
  translate(dialog);
  dialog.returnValue = '';
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener('close', () => resolve(dialog.returnValue === 'ok' ? input.value.trim() : null), { once: true });
  });
}

function head(id, key, dialog) {
  const close = iconButton('close', 'close', () => dialog.close());
  return h('header', { className: 'dialog-head' }, words('h2', key, { id }), close);
}

function closeOnBackdrop(dialog) {
  dialog.addEventListener('click', (event) => event.target === dialog && dialog.close());
}
