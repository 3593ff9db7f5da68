/** A photo and a hole in, the restored photo out. Mirrors facemend/pipeline.py, class ids included. */

import { findWindows } from './aligning.js';
import { matchCompression } from './compression.js';
import { matchGrain } from './grain.js';
import { Mtcnn } from './mtcnn.js';
import { Painter, shareOut, writeIds } from './painting.js';
import { planFaces, planViews } from './planning.js';
import { fillBorder, findBorder } from './print-border.js';
import { normals } from './random.js';
import { picture } from './resample.js';

const HAIR = 13;
const HOLE_COLOR = [228, 64, 140];
const NO_FACE = 'no face found: took what lies round the mask for one';

export class Inpainter {
  constructor(nets, description) {
    this.nets = nets;
    this.description = description;
    this.detector = new Mtcnn(nets.detector);
  }

  /**
   * Repaint what the hole covers.
   * @param photo picture of bytes; what lies under the hole is not looked at
   * @param hole {data, width, height}, 1 = repaint
   * @param options {seed, numVariants, layout: {data, width, height} of class ids or null, coding: of a JPEG or null, onRun: async (variant from 1)}
   * @returns {{variants: object[], layout, notes}} variants: pictures, changed in the hole alone
   */
  async restore(photo, hole, { seed, numVariants, layout, coding, onRun }) {
    const rgb = covered(photo, hole); // reduced, its edge would tell of what lies under it
    const border = findBorder(rgb, hole);
    // Paper is as little for the network to see as what lies beyond a photo, but not to be painted by it.
    const where = (isHole) => ({ ...hole, data: hole.data.map((there, i) => (isHole(there, border.share[i]) ? 1 : 0)) });
    const known = border ? fillBorder(rgb, hole, border) : rgb;
    const unknown = border ? where((there, paper) => there || paper > 0) : hole;
    const wanted = border ? where((there, paper) => there && paper < 1) : hole;
    const windows = wanted.data.includes(1) ? await this.#findWindows(known, wanted, () => onRun(0)) : [];
    const views = wanted.data.includes(1) ? planViews(wanted, windows) : [];
    const tasks = await shareOut(known, unknown, wanted, views, () => onRun(0));
    const variants = [];
    let firstLayout = layout;
    for (const [i, latent] of this.#latents(seed, numVariants).entries()) {
      const { painted, ids } = await this.#painter(latent, () => onRun(i + 1), layout).paint(known, unknown, tasks);
      const whole = matchGrain(border ? fillBorder(painted, hole, border) : painted, known, hole, ids.data.map((id) => id === HAIR));
      variants.push(matchCompression(whole, rgb, hole, coding));
      firstLayout ??= ids;
    }
    return { variants, layout: firstLayout, notes: views.length && !windows.length ? [NO_FACE] : [] };
  }

  /** Tell the parts of every face in a photo, those under the hole as the network would paint them. */
  async parse(photo, hole, onRun) {
    const rgb = covered(photo, hole);
    const painter = this.#likeliest(onRun);
    const layout = picture(rgb.width, rgb.height, 1);
    for (const view of planFaces(rgb, await this.#findWindows(rgb, hole, onRun))) {
      writeIds(layout, await painter.run(rgb, hole, view.window), view);
    }
    return layout;
  }

  #findWindows(rgb, hole, onRun) {
    const detector = { detect: async (image) => (await onRun(), this.detector.detect(image)) };
    const painter = this.#likeliest(onRun);
    return findWindows(rgb, hole, detector, (window) => painter.run(rgb, hole, window));
  }

  /** The painter of the single most likely variant. */
  #likeliest(onRun) {
    return this.#painter(new Float32Array(this.description.latent_size), onRun);
  }

  #painter(latent, onRun, layout) {
    return new Painter(this.nets, this.description, latent, onRun, layout);
  }

  #latents(seed, count) {
    const size = this.description.latent_size;
    const draw = normals(seed);
    return Array.from({ length: count }, (_, i) => (seed === 0 && i === 0 ? new Float32Array(size) : draw(size)));
  }
}

/** A photo with its hole painted over. */
function covered(photo, hole) {
  const data = photo.data.slice();
  hole.data.forEach((isHole, at) => isHole && data.set(HOLE_COLOR, 3 * at));
  return { ...photo, data };
}
