/** Paints by keyboard: the arrow keys move the brush over the stage, Space puts it down and lifts it; the hand moves the photo. */

import { percent, t } from '../i18n.js';
import { announce } from './messages.js';
import { begin } from './tools.js';

const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const HAND_STEP = 40; // CSS pixels

export class KeyboardBrush {
  #point = null; // photo pixels
  #stroke = null;

  constructor(studio, stage, guides) {
    Object.assign(this, { studio, stage, guides });
    stage.element.addEventListener('keydown', (event) => this.#key(event));
    stage.element.addEventListener('pointerdown', () => this.leave());
    stage.element.addEventListener('blur', () => this.leave());
    stage.element.addEventListener('look', () => this.#show());
    studio.store.watch(['busy', 'photo'], () => this.lift()); // what a job brings must not come between a stroke's parts
    studio.store.watch(['photo'], () => (this.#point = null));
    studio.store.watch(['tool'], ({ tool }) => tool === 'hand' && this.leave());
    studio.store.watch(['brushSize', 'tool'], () => this.#show());
  }

  get isActive() {
    return this.#point !== null;
  }

  leave() {
    this.lift();
    this.#point = null;
    this.guides.showRing(null);
  }

  #key(event) {
    const { photo, view } = this.studio.state;
    if (event.target !== this.stage.element || !photo || view === 'compare' || event.ctrlKey || event.metaKey) return;
    if (event.key in ARROWS) this.#move(...ARROWS[event.key], event.shiftKey ? 4 : 1);
    else if (event.key === ' ' && this.isActive) this.#press(event.repeat);
    else if (event.key === 'Escape' && this.#stroke) this.#cancel();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  #move(dx, dy, times) {
    const { photo, brushSize, tool } = this.studio.state;
    if (tool === 'hand') return this.stage.pan(-dx * HAND_STEP * times, -dy * HAND_STEP * times);
    const step = Math.max(1, brushSize / 4) * times;
    const [x, y] = this.#point ?? this.stage.middle();
    const stepped = this.#point ? [x + dx * step, y + dy * step] : [x, y];
    this.#point = [Math.min(photo.width, Math.max(0, stepped[0])), Math.min(photo.height, Math.max(0, stepped[1]))];
    this.#stroke?.move([this.#brush()]);
    this.stage.reveal(...this.#point);
    this.#show();
    this.#tell();
  }

  /** Put the brush down or lift it; a key that is held says so again and again. */
  #press(isRepeated) {
    if (isRepeated) return;
    if (this.#stroke) return this.lift();
    if (!this.studio.painting.canPaint) return;
    this.#stroke = begin(this.studio, this.guides, this.#brush(), false);
    if (this.studio.state.tool === 'bucket') this.lift();
    else announce(t('keyboard.down'));
  }

  /** End the stroke under way, if there is one. */
  lift() {
    if (!this.#stroke) return;
    const stroke = this.#stroke;
    this.#stroke = null;
    stroke.end();
    announce(t('keyboard.up'));
  }

  #cancel() {
    this.#stroke.cancel();
    this.#stroke = null;
    announce(t('keyboard.up'));
  }

  #brush() {
    return { x: this.#point[0], y: this.#point[1], pressure: 1 };
  }

  #show() {
    if (this.#point) this.guides.showRing(this.#point, this.studio.state.brushSize / 2);
  }

  #tell() {
    const { photo, networkLayout } = this.studio.state;
    const [x, y] = this.#point;
    const column = Math.min(photo.width - 1, Math.floor(x));
    const row = Math.min(photo.height - 1, Math.floor(y));
    const part = networkLayout ? t(`class.${this.studio.painting.layout.at(column, row)}`) : '';
    announce(t('keyboard.at', { x: percent(x / photo.width), y: percent(y / photo.height), part }));
  }
}
