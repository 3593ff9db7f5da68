/** The tool rail, the options of the current tool, and the zoom buttons. */

import { onLanguage, t, translate } from '../i18n.js';
import { $, button, h, iconButton, swatch, words } from './dom.js';
import { TOOLS } from './tools.js';

const SMALLEST_BRUSH = 2;

export function buildRail(studio, stage, guides) {
  const buttons = Object.fromEntries(
    Object.entries(TOOLS).map(([name, { icon, key }]) => [name, iconButton(icon, `tool.${name}`, () => chooseTool(studio, name), { 'data-key': key })]),
  );
  $('rail').append(...Object.values(buttons));
  studio.store.watch(['tool', 'view'], ({ tool, view }) => {
    if (!fits(tool, view)) return studio.store.set({ tool: 'brush' });
    for (const [name, element] of Object.entries(buttons)) {
      element.setAttribute('aria-pressed', String(name === tool && view !== 'compare'));
      element.hidden = !fits(name, view);
    }
  });
  buildOptions(studio, stage, guides);
  buildZoom(stage);
}

/** Whether a tool has something to do in a view. */
function fits(name, view) {
  return TOOLS[name].views?.includes(view) ?? true;
}

/** Take a tool in hand; on a result that means to paint on top of it. */
export function chooseTool(studio, name) {
  const { view, busy } = studio.state;
  if (!fits(name, view)) return;
  if (view === 'compare' && name !== 'hand') {
    if (busy) return; // the result on its way belongs to the mask as it is
    studio.history.paintOnTop();
  }
  studio.store.set({ tool: name });
}

/** Change the brush by steps that feel alike at every size. */
export function stepBrush(studio, steps) {
  setBrush(studio, studio.state.brushSize * 1.18 ** steps);
}

function setBrush(studio, size) {
  const most = largestBrush(studio.state.photo);
  studio.store.set({ brushSize: Math.round(Math.min(most, Math.max(SMALLEST_BRUSH, size))) });
}

function largestBrush(photo) {
  return photo ? Math.max(photo.width, photo.height) / 2 : 1000;
}

function buildOptions(studio, stage, guides) {
  const size = h('input', { type: 'range', id: 'brush-size', min: 0, max: 100, step: 1 });
  const sizeShown = h('output', { htmlFor: 'brush-size' });
  const softness = h('input', { type: 'range', id: 'brush-softness', min: 0, max: 100, step: 5 });
  const add = button('add', 'option.add', () => studio.store.set({ subtract: false }));
  const remove = button('subtract', 'option.remove', () => studio.store.set({ subtract: true }));
  const sizeField = h('label', { className: 'field' }, words('span', 'option.size'), size, sizeShown);
  const softnessField = h('label', { className: 'field softness' }, words('span', 'option.softness'), softness);
  const modeField = h('div', { className: 'segmented' }, add, remove);
  const classShown = h('span', { className: 'class-shown' });
  $('options').append(classShown, sizeField, softnessField, modeField);

  const span = () => Math.log(largestBrush(studio.state.photo) / SMALLEST_BRUSH);
  size.oninput = () => {
    setBrush(studio, SMALLEST_BRUSH * Math.exp((size.value / 100) * span()));
    guides.showRing(stage.middle(), studio.state.brushSize / 2); // a finger has no ring of its own
  };
  size.onchange = () => guides.showRing(null);
  softness.oninput = () => studio.store.set({ softness: softness.value / 100 });
  const render = () => {
    const { tool, view, brushSize, subtract, classId, photo } = studio.state;
    const isBrush = Boolean(TOOLS[tool].ring);
    sizeField.hidden = !isBrush;
    softnessField.hidden = !isBrush || view !== 'paint';
    modeField.hidden = !['lasso', 'rectangle'].includes(tool);
    classShown.hidden = view !== 'layout' || tool === 'hand';
    $('options').hidden = view === 'compare' || tool === 'hand';
    add.setAttribute('aria-pressed', String(!subtract));
    remove.setAttribute('aria-pressed', String(subtract));
    size.value = photo ? (Math.log(brushSize / SMALLEST_BRUSH) / span()) * 100 : 50;
    sizeShown.textContent = t('option.pixels', { size: brushSize });
    softness.value = studio.state.softness * 100;
    const isErasing = tool === 'eraser' || (!isBrush && subtract);
    const { color } = studio.legend[classId];
    classShown.replaceChildren(swatch(isErasing ? null : color), isErasing ? t('option.original') : t(`class.${classId}`));
  };
  studio.store.watch(['tool', 'view', 'brushSize', 'softness', 'subtract', 'classId', 'photo'], render);
  onLanguage(render);
}

function buildZoom(stage) {
  const shown = h('button', { type: 'button', className: 'quiet small zoom-shown', onclick: () => stage.zoom(1 / stage.view.scale), 'data-label': 'zoom.actual', 'data-key': '1' });
  $('zoom').append(
    iconButton('minus', 'zoom.out', () => stage.zoom(1 / 1.4), { 'data-key': '−' }),
    shown,
    iconButton('plus', 'zoom.in', () => stage.zoom(1.4), { 'data-key': '+' }),
    iconButton('fit', 'zoom.fit', () => stage.fit(), { 'data-key': '0' }),
  );
  const render = () => {
    const scale = `${Math.round(stage.view.scale * 100)} %`;
    shown.textContent = scale;
    translate($('zoom'));
    shown.setAttribute('aria-label', `${scale}, ${t('zoom.actual')}`);
  };
  stage.element.addEventListener('look', render);
  onLanguage(render);
}
