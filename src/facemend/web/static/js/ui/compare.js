/** The slider between before and after. */

import { onLanguage, percent } from '../i18n.js';
import { $ } from './dom.js';
import { placeName } from './results.js';

const ARROWS = { ArrowLeft: -0.02, ArrowDown: -0.02, ArrowRight: 0.02, ArrowUp: 0.02, PageDown: -0.1, PageUp: 0.1, Home: -1, End: 1 };

export function buildCompareSlider(studio, stage) {
  const handle = $('compare-handle');
  const split = (share) => {
    stage.split = Math.min(1, Math.max(0, share));
    stage.redraw();
    place();
  };
  const place = () => {
    const { photo, view, compareWith, shown } = studio.state;
    $('compare').hidden = view !== 'compare';
    if (!photo) return;
    const [x] = stage.toScreen(stage.split * photo.width, 0);
    const seen = Math.min(stage.size.width, Math.max(0, x));
    $('compare').style.setProperty('--split', `${Math.round(seen)}px`);
    handle.setAttribute('aria-valuenow', Math.round(stage.split * 100));
    handle.setAttribute('aria-valuetext', percent(stage.split));
    $('compare-left').textContent = placeName(compareWith);
    $('compare-right').textContent = placeName(shown);
  };
  stage.element.addEventListener('split', (event) => split(event.detail));
  stage.element.addEventListener('look', place);
  studio.store.watch(['view', 'photo', 'compareWith', 'shown'], place);
  onLanguage(place);
  handle.addEventListener('keydown', (event) => {
    if (!(event.key in ARROWS)) return;
    event.preventDefault();
    event.stopPropagation();
    split(stage.split + ARROWS[event.key]);
  });
  handle.addEventListener('pointerdown', (event) => handle.setPointerCapture(event.pointerId));
  handle.addEventListener('pointermove', (event) => {
    if (!handle.hasPointerCapture(event.pointerId)) return;
    const [x] = stage.toPhoto(event.clientX - stage.element.getBoundingClientRect().left, 0);
    split(x / studio.state.photo.width);
  });
}
