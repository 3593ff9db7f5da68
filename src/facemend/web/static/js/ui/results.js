/** The faces to choose from, what to do next, and the history with its thumbnails. */

import { onLanguage, t } from '../i18n.js';
import { patchesAt, places, samePlace } from '../core/steps.js';
import { thumbnail } from '../picture.js';
import { $, button, h, words } from './dom.js';

const VARIANT_SIZE = 280; // pixels of a thumbnail's longer side; it is shown at half that
const STEP_SIZE = 128;

export function buildResults(studio, stage) {
  const thumbnails = new Thumbnails(studio, stage);
  buildCompare(studio, thumbnails);
  buildHistory(studio, thumbnails);
}

/** Thumbnails are drawn once, with all their patches; a variant's shows the surroundings of its hole. */
class Thumbnails {
  #drawn = new Map();

  constructor(studio, stage) {
    Object.assign(this, { studio, stage });
    studio.store.watch(['photo'], () => this.#drawn.clear());
  }

  /** A copy; `onReady` is called when a patch that it still lacks has been decoded. */
  get(place, whole, onReady) {
    const drawn = this.#drawn.get(keyOf(place, whole)) ?? this.#draw(place, whole, onReady);
    const copy = document.createElement('canvas');
    Object.assign(copy, { width: drawn.width, height: drawn.height });
    copy.getContext('2d').drawImage(drawn, 0, 0);
    return copy;
  }

  #draw(place, whole, onReady) {
    const { photo, steps } = this.studio.state;
    const all = { left: 0, top: 0, right: photo.width, bottom: photo.height };
    const region = whole ? all : surroundings(steps[place.step].variants[place.variant].patch, photo);
    const bitmaps = this.stage.bitmapsAt(steps, place, onReady);
    const drawn = thumbnail(photo, bitmaps, region, whole ? STEP_SIZE : VARIANT_SIZE);
    if (bitmaps.length === patchesAt(steps, place).length) this.#drawn.set(keyOf(place, whole), drawn);
    return drawn;
  }
}

function keyOf(place, whole) {
  return `${format(place)} ${whole}`;
}

/** A square about a patch, half as wide again, within the photo as far as it goes. */
function surroundings({ left, top, width, height }, photo) {
  const side = Math.min(Math.max(width, height) * 1.5, photo.width, photo.height);
  const start = (middle, size) => Math.min(Math.max(0, middle - side / 2), size - side);
  const x = start(left + width / 2, photo.width);
  const y = start(top + height / 2, photo.height);
  return { left: x, top: y, right: x + side, bottom: y + side };
}

function buildCompare(studio, thumbnails) {
  const variants = h('div', { className: 'variants', role: 'radiogroup', 'aria-label': '', 'data-label': 'result.variants' });
  const left = h('select', { id: 'compare-with', onchange: () => studio.store.set({ compareWith: parse(left.value) }) });
  const right = h('select', { id: 'compare-to', onchange: () => studio.history.goTo(parse(right.value)) });
  $('panel-compare').append(
    words('h2', 'result.title'),
    words('p', 'result.hint', { className: 'soft' }),
    variants,
    h('div', { className: 'next' },
      button('again', 'result.more', () => studio.restore({ another: true }), { className: 'secondary' }),
      button('onTop', 'result.onTop', () => studio.history.paintOnTop(), { className: 'secondary' }),
      button('layout', 'result.layout', () => studio.show('layout'), { className: 'secondary' }),
      button('mask', 'result.mask', () => studio.history.adjustMask(), { className: 'secondary' }),
    ),
    h('div', { className: 'pair' },
      h('label', { className: 'field stacked' }, words('span', 'compare.left'), left),
      h('label', { className: 'field stacked' }, words('span', 'compare.right'), right),
    ),
  );
  const render = () => {
    const { steps, shown, compareWith } = studio.state;
    const made = steps[shown.step]?.variants ?? [];
    renderVariants(variants, made, shown, thumbnails, studio);
    const options = () => places(steps).map((place) => h('option', { value: format(place), textContent: placeName(place) }));
    for (const [select, place] of [[left, compareWith], [right, shown]]) {
      select.replaceChildren(...options());
      select.value = format(place);
    }
  };
  studio.store.watch(['steps', 'shown', 'compareWith'], render);
  onLanguage(render);
}

function renderVariants(group, made, shown, thumbnails, studio) {
  const hadFocus = group.contains(document.activeElement);
  group.replaceChildren(
    ...made.map((_, variant) => {
      const place = { step: shown.step, variant };
      const isShown = samePlace(place, shown);
      const canvas = thumbnails.get(place, false);
      canvas.setAttribute('aria-hidden', 'true');
      return h('button', {
        type: 'button', className: 'thumb', role: 'radio', 'aria-checked': String(isShown), tabIndex: isShown ? 0 : -1,
        'aria-label': t('result.variant', { number: variant + 1, count: made.length }),
        onclick: () => studio.history.goTo(place),
        onkeydown: (event) => {
          const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
          if (!step) return;
          event.preventDefault();
          studio.history.goTo({ step: shown.step, variant: (variant + step + made.length) % made.length });
        },
      }, canvas);
    }),
  );
  if (hadFocus) group.querySelector('[aria-checked="true"]')?.focus();
}

function buildHistory(studio, thumbnails) {
  const list = h('ol', { className: 'history' });
  const title = words('h2', 'history.title');
  $('panel-history').append(title, list);
  const render = () => {
    const { steps, shown, photo } = studio.state;
    $('panel-history').hidden = steps.length < 2;
    if (!photo) return;
    const items = steps.map((step, i) => {
      const isShown = i === shown.step;
      const place = { step: i, variant: isShown ? shown.variant : 0 };
      const canvas = thumbnails.get(place, true, render);
      canvas.setAttribute('aria-hidden', 'true');
      const go = h('button', { type: 'button', className: 'thumb', 'aria-label': placeName(place), title: placeName(place), onclick: () => studio.history.goTo(place) }, canvas);
      if (isShown) go.setAttribute('aria-current', 'step');
      return h('li', {}, go, h('span', { className: 'soft', textContent: i ? String(i) : t('history.photo') }));
    });
    const hadFocus = list.contains(document.activeElement);
    list.replaceChildren(...items);
    if (hadFocus) list.querySelector('[aria-current]').focus();
  };
  studio.store.watch(['steps', 'shown', 'photo'], render);
  onLanguage(render);
}

export function placeName({ step, variant }) {
  return step === 0 ? t('history.original') : t('history.step', { step, variant: variant + 1 });
}

function format({ step, variant }) {
  return `${step} ${variant}`;
}

function parse(value) {
  const [step, variant] = value.split(' ').map(Number);
  return { step, variant };
}
