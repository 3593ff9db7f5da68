/** The ways in: pick a photo, drop it, paste it, or take a sample. Masks come in by file. */

import { t } from '../i18n.js';
import { $, h, words } from './dom.js';

const SAMPLES = ['portrait', 'scratched'];

export function buildOpen(studio) {
  const open = (file) => mayLeave(studio) && studio.open(file);
  for (const id of ['pick', 'new-photo']) $(id).onclick = () => ($('menu').hidePopover(), $('photo-file').click());
  $('pick').disabled = false;
  $('close-photo').onclick = () => {
    $('menu').hidePopover();
    if (!mayLeave(studio)) return;
    studio.close();
    $('pick').focus();
  };
  $('photo-file').onchange = () => take($('photo-file'), open);
  $('mask-file').onchange = () => take($('mask-file'), (file) => studio.masks.useFile(file));
  buildSamples(studio);
  document.addEventListener('paste', (event) => {
    const [file] = pictures(event.clipboardData);
    if (file) open(file);
  });
  buildDrop(studio, open);
  studio.store.watch(['photo'], ({ photo }) => {
    // What goes from the page takes its focus with it.
    if (photo && $('empty').contains(document.activeElement)) $('stage').focus();
    if (!photo && document.activeElement.matches('body, #stage')) $('pick').focus();
  });
  window.addEventListener('beforeunload', (event) => loss(studio.state) && event.preventDefault());
}

/** Work is given up only when its owner says so. */
function mayLeave(studio) {
  const lost = loss(studio.state);
  return !lost || confirm(t(lost));
}

/** What would be lost with the photo, as a key of the page's words: a result, or a mask or layout that nothing was painted by yet. */
export function loss({ photo, unsaved, onTop, area, layoutEdited }) {
  if (unsaved) return 'open.lose';
  return photo && (layoutEdited || (onTop && area > 0)) ? 'open.loseMask' : null;
}

export function askMaskFile() {
  $('mask-file').click();
}

function take(input, use) {
  const [file] = input.files;
  input.value = ''; // so that the same file can be chosen again
  if (file) use(file);
}

function pictures(transfer) {
  return [...(transfer?.files ?? [])].filter(({ type, name }) => type.startsWith('image/') || /\.(tiff?|hei[cf]|avif)$/i.test(name));
}

function buildSamples(studio) {
  for (const name of SAMPLES) {
    const path = `samples/${name}.jpg`;
    const image = h('img', { src: path, alt: '', width: 72, height: 90 });
    const fetched = async () => {
      const answer = await fetch(path).catch(() => null);
      if (!answer?.ok) throw Object.assign(new Error(path), { code: 'offline' });
      return new File([await answer.blob()], `${name}.jpg`, { type: 'image/jpeg' });
    };
    const open = () => studio.open(fetched());
    $('samples').append(h('button', { type: 'button', className: 'sample', onclick: open }, image, words('span', `sample.${name}`)));
  }
}

function buildDrop(studio, open) {
  const veil = $('drop-veil');
  let depth = 0; // dragenter and dragleave come for every element below
  const show = (change) => {
    depth = Math.max(0, depth + change);
    veil.hidden = depth === 0;
  };
  const isFile = (event) => event.dataTransfer?.types.includes('Files');
  document.addEventListener('dragenter', (event) => isFile(event) && show(1));
  document.addEventListener('dragleave', (event) => isFile(event) && show(-1));
  document.addEventListener('dragover', (event) => isFile(event) && event.preventDefault());
  document.addEventListener('drop', (event) => {
    if (!isFile(event)) return;
    event.preventDefault();
    show(-Infinity);
    const [file] = pictures(event.dataTransfer);
    if (file) open(file);
    else studio.store.set({ problem: { where: 'photo', key: 'error.notPicture' } });
  });
}
