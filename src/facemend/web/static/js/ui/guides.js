/** What follows the pointer: the brush's ring, the outline of a lasso or rectangle, the name of the part below. */

import { $ } from './dom.js';

export class Guides {
  constructor(stage) {
    this.stage = stage;
    this.ring = $('ring');
    this.tip = $('tip');
  }

  /** Show the brush at a photo position, with a radius in photo pixels; null hides it. */
  showRing(point, radius) {
    this.ring.toggleAttribute('hidden', !point);
    if (!point) return;
    const [x, y] = this.stage.toScreen(...point);
    for (const circle of this.ring.children) {
      circle.setAttribute('cx', x);
      circle.setAttribute('cy', y);
      circle.setAttribute('r', Math.max(2, radius * this.stage.view.scale));
    }
  }

  /** Draw an open or closed line through photo positions. */
  showLine(points, closed) {
    const line = points.map((point) => this.stage.toScreen(...point).map((value) => value.toFixed(1)).join(' ')).join(' L');
    const path = points.length ? `M${line}${closed ? 'Z' : ''}` : '';
    $('guide').setAttribute('d', path);
    $('guide-shadow').setAttribute('d', path);
  }

  showTip(text, x = 0, y = 0) {
    this.tip.hidden = !text;
    if (!text) return;
    this.tip.textContent = text;
    const left = x + 18 + this.tip.offsetWidth > this.stage.size.width ? x - 18 - this.tip.offsetWidth : x + 18;
    this.tip.style.transform = `translate(${Math.round(left)}px, ${Math.round(y + 18)}px)`;
  }
}
