/** The ways in: pick a photo, drop it, paste it, or take a sample. Masks come in by file. */

import { $, h, words } from './dom.js';

const SAMPLES = ['portrait', 'scratched'];

export function buildOpen(studio) {
  const pick = () => $('photo-file').click();
  for (const id of ['pick', 'new-photo']) $(id).onclick = () => ($('menu').hidePopover(), pick());
  $('close-photo').onclick = () => ($('menu').hidePopover(), studio.close(), $('pick').focus());
  $('photo-file').onchange = () => take($('photo-file'), (file) => studio.open(file));
  $('mask-file').onchange = () => take($('mask-file'), (file) => studio.maskFile(file));
  buildSamples(studio);
  document.addEventListener('paste', (event) => {
    const [file] = pictures(event.clipboardData);
    if (file) studio.open(file);
  });
  buildDrop(studio);
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
    const open = async () => {
      const answer = await fetch(path);
      studio.open(new File([await answer.blob()], `${name}.jpg`, { type: 'image/jpeg' }));
    };
    $('samples').append(h('button', { type: 'button', className: 'sample', onclick: open }, image, words('span', `sample.${name}`)));
  }
}

function buildDrop(studio) {
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
    if (file) studio.open(file);
    else studio.store.set({ problem: { where: 'photo', key: 'error.notPicture' } });
  });
}
