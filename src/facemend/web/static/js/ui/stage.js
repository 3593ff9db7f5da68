/** The canvas: photo below, mask or layout above, guides on top. Draws once per frame, and only what the screen shows. */

import { NUM_CLASSES } from '../core/classes.js';
import { clip, isEmpty, union } from '../core/layer.js';
import { abgr, paintOverlay } from '../core/overlay.js';
import { patchesAt } from '../core/steps.js';
import { fit, pan, toPhoto, toScreen, zoomAt } from '../core/viewport.js';
import { drawPicture } from '../picture.js';
import { $ } from './dom.js';

const CLEAR = 0;
const NEAREST = 8; // CSS pixels from a point in sight to the stage's edge; a photo that is fitted in has more about it
const EDGE = 3; // canvas pixels about a change that its lines may take

export class Stage {
  view = { scale: 1, left: 0, top: 0 }; // in CSS pixels of the stage
  split = 0.5; // of the photo's width
  ratio = 1; // device pixels of the canvases to a CSS pixel
  showOverlay = true;
  layoutStrength = 0.6;
  #stale = { photo: true, overlay: null }; // overlay: null, 'all', or a rectangle in photo pixels
  #frame = 0;
  #fitted = true;

  constructor(studio) {
    this.studio = studio;
    this.element = $('stage');
    this.photo = $('photo-canvas').getContext('2d', { alpha: false });
    this.overlay = $('overlay-canvas').getContext('2d');
    this.floating = document.querySelector('.floating');
    this.size = { width: 0, height: 0 };
    studio.painting.onPaint = (rect) => this.repaint(rect);
    studio.store.watch(['photo', 'shown', 'view', 'onTop', 'compareWith', 'steps', 'classId', 'networkLayout'], () => this.redraw());
    studio.store.watch(['photo'], () => this.fit());
    new ResizeObserver(() => this.#resize()).observe(this.element);
    new ResizeObserver(() => this.#keepClear()).observe(this.floating);
    this.#watchRatio();
    this.useTheme();
  }

  useTheme() {
    this.colors = Object.fromEntries(['mask', 'canvas', 'check'].map((name) => [name, themeColor(name)]));
    this.redraw();
  }

  // --- where the photo lies ---

  fit() {
    const { photo } = this.studio.state;
    if (!photo || !this.size.width) return;
    this.#fitted = true;
    this.look(fit(photo, this.size, this.floating.offsetTop));
  }

  /** What floats over the stage may grow, with another tool or language. */
  #keepClear() {
    const { photo } = this.studio.state;
    if (photo && this.#fitted && this.toScreen(0, photo.height)[1] > this.floating.offsetTop) this.fit();
  }

  zoom(factor, x = this.size.width / 2, y = this.size.height / 2) {
    const { photo } = this.studio.state;
    const smallest = Math.min(1, fit(photo, this.size, this.floating.offsetTop).scale / 2);
    this.#fitted = false;
    this.look(pan(zoomAt(this.view, factor, x, y, smallest), 0, 0, photo, this.size));
  }

  pan(dx, dy) {
    this.#fitted = false;
    this.look(pan(this.view, dx, dy, this.studio.state.photo, this.size));
  }

  /** Move the photo, if need be, so that a point of it is in sight, clear of what floats over the stage. */
  reveal(x, y) {
    const within = (value, room) => Math.min(room - NEAREST, Math.max(NEAREST, value));
    const [left, top] = this.toScreen(x, y);
    const [dx, dy] = [within(left, this.size.width) - left, within(top, this.floating.offsetTop) - top];
    if (dx || dy) this.pan(dx, dy);
  }

  /** The middle of what is in sight of the photo, in its pixels. */
  middle() {
    const { width, height } = this.studio.state.photo;
    const [left, top] = this.toPhoto(0, 0);
    const [right, bottom] = this.toPhoto(this.size.width, this.size.height);
    return [(Math.max(0, left) + Math.min(width, right)) / 2, (Math.max(0, top) + Math.min(height, bottom)) / 2];
  }

  look(view) {
    this.view = view;
    this.element.dispatchEvent(new CustomEvent('look'));
    this.redraw();
  }

  toPhoto(x, y) {
    return toPhoto(this.view, x, y);
  }

  toScreen(x, y) {
    return toScreen(this.view, x, y);
  }

  /** Another screen, or another zoom of the page, may leave the stage as large as it is in CSS pixels. */
  #watchRatio() {
    const changed = () => (this.#resize(), this.#watchRatio());
    matchMedia(`(resolution: ${devicePixelRatio}dppx)`).addEventListener('change', changed, { once: true });
  }

  #resize() {
    const { clientWidth: width, clientHeight: height } = this.element;
    if (!width || !height) return;
    const moved = [(width - this.size.width) / 2, (height - this.size.height) / 2];
    this.size = { width, height };
    this.ratio = devicePixelRatio;
    for (const { canvas } of [this.photo, this.overlay]) {
      canvas.width = Math.round(width * this.ratio);
      canvas.height = Math.round(height * this.ratio);
    }
    if (!this.studio.state.photo) return;
    if (this.#fitted) this.fit();
    else this.pan(...moved);
    this.#draw(); // at once: a canvas that changes its size is empty
  }

  // --- drawing ---

  redraw() {
    this.#stale = { photo: true, overlay: 'all' };
    this.#request();
  }

  /** Bytes of a layer have changed within `rect`, or anywhere. */
  repaint(rect) {
    const { overlay } = this.#stale;
    this.#stale.overlay = rect && overlay !== 'all' ? union(overlay, rect) : 'all';
    this.#request();
  }

  #request() {
    this.#frame ||= requestAnimationFrame(() => this.#draw());
  }

  #draw() {
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
    const stale = this.#stale;
    this.#stale = { photo: false, overlay: null };
    if (!this.studio.state.photo || !this.size.width) return;
    const { ratio, view } = this;
    const device = { scale: view.scale * ratio, left: Math.round(view.left * ratio), top: Math.round(view.top * ratio) };
    if (stale.photo) this.#drawPhoto(device);
    if (stale.overlay) this.#drawOverlay(device, stale.overlay);
    this.element.dispatchEvent(new CustomEvent('drawn'));
  }

  #drawPhoto(device) {
    const { photo, shown, view, compareWith, steps } = this.studio.state;
    const { canvas } = this.photo;
    this.photo.fillStyle = this.colors.canvas;
    this.photo.fillRect(0, 0, canvas.width, canvas.height);
    this.#drawChecks(device, photo);
    const draw = (place) => drawPicture(this.photo, photo, this.bitmapsAt(steps, place), device);
    const onStage = view === 'compare' ? [shown, compareWith] : [shown];
    this.studio.bitmaps.keep(new Set(onStage.flatMap((place) => patchesAt(steps, place))));
    draw(shown);
    if (view !== 'compare') return;
    const x = Math.round((this.split * photo.width * device.scale) + device.left);
    this.photo.save();
    this.photo.beginPath();
    this.photo.rect(0, 0, x, canvas.height);
    this.photo.clip();
    this.#drawChecks(device, photo);
    draw(compareWith);
    this.photo.restore();
  }

  /** A chequered ground where the photo may be transparent. */
  #drawChecks(device, photo) {
    if (photo.kind === 'jpeg') return;
    const size = 8 * this.ratio;
    const [right, bottom] = [photo.width * device.scale + device.left, photo.height * device.scale + device.top];
    this.photo.fillStyle = this.colors.check;
    const { canvas } = this.photo;
    for (let y = Math.max(0, device.top); y < Math.min(canvas.height, bottom); y += size) {
      for (let x = Math.max(0, device.left) + (Math.round(y / size) % 2) * size; x < Math.min(canvas.width, right); x += 2 * size) {
        this.photo.fillRect(x, y, Math.min(size, right - x), Math.min(size, bottom - y));
      }
    }
  }

  /** The patches at a place with their bitmaps, but those still being decoded: `onReady` is called when one is there. */
  bitmapsAt(steps, place, onReady = () => this.redraw()) {
    return patchesAt(steps, place).flatMap((patch) => {
      const bitmap = this.studio.bitmaps.get(patch, onReady);
      return bitmap ? [{ patch, bitmap }] : [];
    });
  }

  #drawOverlay(device, stale) {
    const { canvas } = this.overlay;
    const { view, networkLayout } = this.studio.state;
    const { mask, layout } = this.studio.painting;
    if (view === 'compare' || !this.showOverlay) return this.overlay.clearRect(0, 0, canvas.width, canvas.height);
    const whole = { left: 0, top: 0, right: canvas.width, bottom: canvas.height };
    const part = stale === 'all' ? whole : clip(onCanvas(stale, device), whole);
    if (isEmpty(part)) return;
    const image = new ImageData(part.right - part.left, part.bottom - part.top);
    const pixels = new Uint32Array(image.data.buffer);
    if (view === 'layout') {
      if (networkLayout) paintOverlay(pixels, part, device, layout, this.#layoutPaint());
      paintOverlay(pixels, part, device, mask, { ...this.#maskPaint(), edgesOnly: true });
    } else {
      paintOverlay(pixels, part, device, mask, this.#maskPaint());
    }
    this.overlay.putImageData(image, part.left, part.top);
  }

  #maskPaint() {
    const rgb = this.colors.mask.match(/\d+/g).map(Number);
    return {
      colors: Uint32Array.from({ length: 256 }, (_, value) => (value ? abgr(rgb, (0.5 * value) / 255) : CLEAR)),
      edgeOf: Uint8Array.from({ length: 256 }, (_, value) => (value >= 128 ? 1 : 0)),
      edge: abgr(rgb, 1),
      edgeWidth: Math.max(1, Math.round(1.5 * this.ratio)),
    };
  }

  #layoutPaint() {
    const { classId } = this.studio.state;
    const colors = new Uint32Array(256);
    for (const { id, color } of this.studio.legend) {
      const strength = id === 0 ? 0.25 : id === classId ? 1.25 : 1;
      colors[id] = abgr(color, Math.min(1, this.layoutStrength * strength));
    }
    const edgeOf = Uint8Array.from({ length: 256 }, (_, id) => Math.min(id, NUM_CLASSES));
    return { colors, edgeOf, edge: abgr([255, 255, 255], 0.35 + 0.4 * this.layoutStrength), edgeWidth: Math.max(1, Math.round(this.ratio)) };
  }
}

/** Where a change within a part of the photo may show on the canvas. */
function onCanvas(rect, device) {
  const [left, top] = toScreen(device, rect.left, rect.top);
  const [right, bottom] = toScreen(device, rect.right, rect.bottom);
  return { left: left - EDGE, top: top - EDGE, right: right + EDGE, bottom: bottom + EDGE };
}

/** A colour of the theme that is on, as `rgb(...)`. */
function themeColor(name) {
  const probe = document.body.appendChild(document.createElement('i'));
  probe.style.color = `var(--${name})`;
  probe.style.forcedColorAdjust = 'none'; // with forced colours every text has one colour
  const { color } = getComputedStyle(probe);
  probe.remove();
  return color;
}
