/** Mouse, pen and fingers on the stage: paint, pan, zoom, pinch, and the slider between before and after. */

import { t } from '../i18n.js';
import { TOOLS, begin } from './tools.js';

export class Gestures {
  #pointers = new Map(); // id -> {x, y} on the stage
  #stroke = null;
  #panning = false;
  #hover = null; // where the pointer is, on the stage
  spaceHeld = false;

  constructor(studio, stage, guides) {
    Object.assign(this, { studio, stage, guides });
    const { element } = stage;
    element.addEventListener('pointerdown', (event) => this.#down(event));
    element.addEventListener('pointermove', (event) => this.#move(event));
    element.addEventListener('pointerup', (event) => this.#up(event));
    element.addEventListener('pointercancel', (event) => this.#up(event, true));
    element.addEventListener('pointerleave', () => this.#leave());
    element.addEventListener('wheel', (event) => this.#wheel(event), { passive: false });
    element.addEventListener('contextmenu', (event) => event.preventDefault());
    element.addEventListener('look', () => this.#follow());
    studio.store.watch(['tool', 'view', 'brushSize'], () => this.#follow());
    studio.store.watch(['busy', 'photo'], ({ photo }) => {
      this.#end(); // what a job brings must not come between a stroke's parts
      if (!photo) this.#letGo();
    });
  }

  get isPainting() {
    return this.#stroke !== null;
  }

  /** Call off what the pointer has begun. */
  cancel() {
    this.#stroke?.cancel();
    this.#stroke = null;
  }

  #end() {
    const stroke = this.#stroke;
    this.#stroke = null;
    stroke?.end();
  }

  /** Without a photo there is nothing under the pointer. */
  #letGo() {
    this.#pointers.clear();
    this.#panning = false;
  }

  #at(event) {
    const box = this.stage.element.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  }

  #photoPoint(event) {
    const { x, y } = this.#at(event);
    const [px, py] = this.stage.toPhoto(x, y);
    const pressure = event.pointerType === 'pen' && event.pressure > 0 ? 0.25 + 0.75 * event.pressure : 1;
    return { x: px, y: py, pressure };
  }

  #down(event) {
    if (!this.studio.state.photo || event.target.closest('.compare-handle')) return;
    this.stage.element.setPointerCapture(event.pointerId);
    this.#pointers.set(event.pointerId, this.#at(event));
    if (this.#pointers.size > 1) {
      this.cancel();
      this.#panning = true;
      return;
    }
    const { tool, view } = this.studio.state;
    this.#panning = event.button === 1 || this.spaceHeld || tool === 'hand';
    if (this.#panning) return;
    if (view === 'compare') return this.#moveSplit(event);
    if (view === 'layout' && event.altKey) return this.#pick(event);
    if (!this.studio.painting.canPaint) return;
    this.#stroke = begin(this.studio, this.guides, this.#photoPoint(event), event.altKey || event.button === 2 || event.buttons === 32);
  }

  #move(event) {
    const before = this.#pointers.get(event.pointerId);
    const now = this.#at(event);
    this.#hover = event.pointerType === 'touch' ? null : now;
    this.#follow();
    if (!before) return;
    if (this.#panning) this.#panOrPinch(event.pointerId, before, now);
    this.#pointers.set(event.pointerId, now);
    if (this.#panning) return;
    if (this.#stroke) {
      const events = event.getCoalescedEvents?.() ?? [];
      this.#stroke.move((events.length ? events : [event]).map((each) => this.#photoPoint(each)));
    } else if (this.studio.state.view === 'compare') {
      this.#moveSplit(event);
    }
  }

  #panOrPinch(id, before, now) {
    const other = [...this.#pointers].find(([otherId]) => otherId !== id)?.[1];
    if (!other) return this.stage.pan(now.x - before.x, now.y - before.y);
    const middle = (a, b) => ({ x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 });
    const apart = (a, b) => Math.hypot(a.x - b.x, a.y - b.y) || 1;
    const [from, to] = [middle(before, other), middle(now, other)];
    this.stage.pan(to.x - from.x, to.y - from.y);
    this.stage.zoom(apart(now, other) / apart(before, other), to.x, to.y);
  }

  #up(event, called = false) {
    this.#pointers.delete(event.pointerId);
    if (this.#pointers.size === 0) this.#panning = false;
    if (called) this.cancel();
    else this.#end();
  }

  #leave() {
    this.#hover = null;
    this.#follow();
  }

  #wheel(event) {
    if (!this.studio.state.photo) return;
    event.preventDefault();
    const { x, y } = this.#at(event);
    const isTouchpad = event.deltaMode === 0 && (event.deltaX !== 0 || Math.abs(event.deltaY) < 40);
    if (event.ctrlKey || event.metaKey || !isTouchpad) {
      const lines = event.deltaMode === 1 ? 24 : 1;
      this.stage.zoom(Math.exp(-event.deltaY * lines * (event.ctrlKey && isTouchpad ? 0.01 : 0.0022)), x, y);
    } else {
      this.stage.pan(-event.deltaX, -event.deltaY);
    }
  }

  #moveSplit(event) {
    const { x } = this.#photoPoint(event);
    this.stage.element.dispatchEvent(new CustomEvent('split', { detail: x / this.studio.state.photo.width }));
  }

  #pick(event) {
    const id = this.#classAt(this.#photoPoint(event));
    if (id !== null) this.studio.store.set({ classId: id });
  }

  #classAt({ x, y }) {
    const { layout } = this.studio.painting;
    const [column, row] = [Math.floor(x), Math.floor(y)];
    if (!this.studio.state.networkLayout || column < 0 || row < 0 || column >= layout.width || row >= layout.height) return null;
    return layout.at(column, row);
  }

  /** Keep ring and tip under the pointer. */
  #follow() {
    const { tool, view, brushSize, photo } = this.studio.state;
    const point = photo && this.#hover && this.stage.toPhoto(this.#hover.x, this.#hover.y);
    const isRing = point && TOOLS[tool].ring && view !== 'compare' && !this.spaceHeld;
    this.guides.showRing(isRing ? point : null, brushSize / 2);
    this.stage.element.dataset.cursor = isRing ? 'ring' : view === 'compare' ? 'split' : tool;
    if (!point || view !== 'layout') return this.guides.showTip('');
    const id = this.#classAt({ x: point[0], y: point[1] });
    this.guides.showTip(id === null ? '' : t(`class.${id}`), this.#hover.x, this.#hover.y);
  }
}
