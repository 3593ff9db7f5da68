/** The panel beside the stage: what to mask, the legend of the layout, the faces to choose from. */

import { LEGEND_GROUPS, PARTS } from '../core/classes.js';
import { ideas } from '../core/reshape.js';
import { $, atFirstClick, button, h, swatch, words } from './dom.js';

export function buildPanels(studio, stage, askMaskFile) {
  buildPaintPanel(studio, askMaskFile);
  buildLayoutPanel(studio, stage);
  studio.store.watch(['view'], ({ view }) => {
    document.body.dataset.view = view;
    for (const section of document.querySelectorAll('[data-for]')) {
      const isLeft = section.dataset.for !== view;
      if (isLeft && section.contains(document.activeElement)) $('stage').focus(); // the section would take the focus with it
      section.hidden = isLeft;
    }
    $('panel-body').scrollTop = 0;
  });
}

function buildPaintPanel(studio, askMaskFile) {
  const parts = Object.keys(PARTS).map((name) => button(name, `part.${name}`, () => studio.masks.addPart(name), { className: 'choice' }));
  const damage = button('scratches', 'part.damage', () => studio.masks.addDamage(), { className: 'choice' });
  $('panel-paint').append(
    words('h2', 'paint.title'),
    words('p', 'paint.hint', { className: 'soft' }),
    h('div', { className: 'choices' }, damage, ...parts),
    problem('mask'),
    h('div', { className: 'extras' },
      button('upload', 'mask.upload', askMaskFile, { className: 'quiet small' }),
      button('alpha', 'mask.alpha', () => studio.masks.useAlpha(), { className: 'quiet small' }),
      button('invert', 'mask.invert', () => studio.masks.invert(), { className: 'quiet small' }),
      button('clear', 'mask.clear', () => studio.masks.clear(), { className: 'quiet small', id: 'clear-mask' }),
    ),
  );
}

function buildLayoutPanel(studio, stage) {
  const choices = Object.keys(ideas).map((name) => button(name, `idea.${name}`, () => studio.layouts.applyIdea(name), { className: 'chip' }));
  const strength = h('input', { type: 'range', min: 0, max: 100, value: stage.layoutStrength * 100, id: 'layout-strength' });
  strength.oninput = () => {
    stage.layoutStrength = strength.value / 100;
    stage.repaint();
  };
  const reset = button('reset', 'layout.reset', () => studio.painting.resetLayout(), { className: 'quiet small' });
  $('panel-layout').append(
    words('h2', 'layout.title'),
    words('p', 'layout.hint', { className: 'soft' }),
    h('div', { className: 'chips', role: 'group', 'aria-label': '', 'data-label': 'idea.group' }, ...choices),
    problem('layout'),
    legend(studio),
    h('div', { className: 'extras' }, h('label', { className: 'field' }, words('span', 'layout.strength'), strength), reset),
  );
  studio.store.watch(['layoutEdited'], ({ layoutEdited }) => (reset.hidden = !layoutEdited));
}

function legend(studio) {
  const chips = new Map();
  const groups = Object.entries(LEGEND_GROUPS).map(([name, ids]) => {
    const group = h('div', { className: 'legend', role: 'group', 'data-label': `legend.${name}`, 'aria-label': '' });
    for (const id of ids) {
      const choose = () => chooseClass(studio, id);
      const chip = h('button', { type: 'button', className: 'legend-chip', onclick: atFirstClick(choose) }, swatch(studio.legend[id].color), words('span', `class.${id}`));
      chips.set(id, chip);
      group.append(chip);
    }
    return group;
  });
  studio.store.watch(['classId'], ({ classId }) => chips.forEach((chip, id) => chip.setAttribute('aria-pressed', String(id === classId))));
  return h('div', { className: 'legends' }, ...groups);
}

/** Choose what to paint; whoever chooses it wants to paint, not to erase or to look around. */
function chooseClass(studio, classId) {
  const { tool } = studio.state;
  studio.store.set({ classId, tool: ['eraser', 'hand'].includes(tool) ? 'brush' : tool });
}

function problem(where) {
  return h('p', { className: 'problem', 'data-problem': where, role: 'alert', hidden: true });
}
