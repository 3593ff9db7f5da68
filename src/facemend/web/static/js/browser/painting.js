/** How a hole is painted: view by view, each seen by the network and faded into what was before. Mirrors facemend/painting.py. */

import { calmColors } from './coloring.js';
import { fade, findLevels, spread } from './fading.js';
import { eachPixel, unviewLayout, unviewPhoto, viewLayout, viewPhoto } from './framing.js';
import { RIM, faded, fading } from './joining.js';
import { likeliest, personIn, softened } from './network-view.js';
import { withoutFaces } from './renaming.js';
import { picture } from './resample.js';
import { carryResiduals } from './residuals.js';
import { matchSharpness } from './sharpness.js';
import { matchTones, measureFaceTones, measureTones } from './toning.js';

/**
 * What each view paints, once those before it have; no latent has a say in that.
 * @param unknown {data, width, height}, 1 = not known; `wanted` what of that is to be painted
 * @param onView awaited before each of them
 * @returns {{view, inRegion: Uint32Array, inPhoto: Uint32Array, share: Float32Array, tones}[]} for each view the pixels that it paints:
 *   their numbers in its region and in the photo, and its share in each; and the tones its colours go by
 */
export async function shareOut(rgb, unknown, wanted, views, onView) {
  const tonesOfAll = measureTones(rgb, unknown.data.map((there) => 1 - there));
  const rest = unknown.data.slice();
  const tasks = [];
  let smallest = Infinity;
  for (const view of views) {
    const { window, region, area, beside } = view;
    await onView();
    smallest = Math.min(smallest, window.side);
    const own = { data: area.slice(), width: region.right - region.left, height: region.bottom - region.top };
    const mended = window.inside(region);
    eachPixel(region, wanted.width, (k, at) => {
      own.data[k] &= wanted.data[at];
      mended[k] &= wanted.data[at] & (1 - rest[at]);
    });
    const share = fading(own, mended, RIM * smallest);
    const [inRegion, inPhoto] = [[], []];
    eachPixel(region, wanted.width, (k, at) => {
      if (!share[k]) return;
      rest[at] = 0;
      inRegion.push(k);
      inPhoto.push(at);
    });
    tasks.push({
      view, inRegion: Uint32Array.from(inRegion), inPhoto: Uint32Array.from(inPhoto), share: Float32Array.from(inRegion, (k) => share[k]),
      tones: (beside ? null : measureFaceTones(rgb, unknown, window)) ?? tonesOfAll,
    });
  }
  return tasks;
}

/** The networks at work on one variant of a photo. */
export class Painter {
  /**
   * @param latent numbers; `layout` {data, width, height} of class ids to paint by, or null
   * @param onRun awaited before each run of the network
   */
  constructor(nets, description, latent, onRun, layout = null) {
    Object.assign(this, { nets, description, latent, onRun, layout });
  }

  /** Fill what is unknown of a photo, view by view, each by its share and knowing what those before it painted. */
  async paint(rgb, unknown, tasks) {
    const painted = { ...rgb, data: rgb.data.slice() };
    const rest = { ...unknown, data: unknown.data.slice() };
    const ids = picture(rgb.width, rgb.height, 1);
    for (const { view, inRegion, inPhoto, share, tones } of tasks) {
      const { region, area } = view;
      for (const at of inPhoto) rest.data[at] = 1;
      const seen = await this.see(painted, rest, view);
      const soft = unviewPhoto(softened(seen), seen.window, region);
      const places = new Uint8Array(area.length);
      for (const k of inRegion) places[k] = 1;
      let detailed = carryResiduals(painted, rest, places, soft, seen, region);
      if (tones) detailed = matchTones(detailed, places, tones);
      for (const [i, at] of inPhoto.entries()) {
        const k = inRegion[i];
        for (let c = 0; c < 3; c++) painted.data[3 * at + c] = faded(painted.data[3 * at + c], detailed.data[3 * k + c], share[i]);
        rest.data[at] = 0;
      }
      writeIds(ids, seen, view);
    }
    return { painted, ids };
  }

  /**
   * Run the network on one view; its fill is made no sharper than the photo. Beside all faces its colours are calmed, and if it dreams up
   * a face there it runs again, told of neck and cloth.
   */
  async see(rgb, hole, { window, beside }) {
    let seen = await this.run(rgb, hole, window, this.layout && viewLayout(this.layout, window), !beside);
    const { size } = seen.window;
    if (!beside) return { ...seen, completed: matchSharpness(seen.completed, seen.unknown, size, personIn(seen)) };
    const renamed = this.layout ? null : withoutFaces(likeliest(seen.layout, size), seen.unknown);
    if (renamed) seen = await this.run(rgb, hole, window, renamed);
    return { ...seen, completed: matchSharpness(calmColors(seen.completed, seen.unknown, size), seen.unknown, size) };
  }

  /**
   * Run the network on one window of a photo; the layout, if one is given, is that of the view. With `unfade` it sees a faded face in full
   * contrast; a wall, which is no face, is plain rather than faded.
   */
  async run(rgb, hole, window, layout = null, unfade = false) {
    await this.onRun();
    const view = viewPhoto(rgb, hole, window);
    const { core_size: core, legend } = this.description;
    const shares = layout && sharesOf(layout, legend.length, core);
    const levels = unfade ? findLevels(view) : null;
    const painted = await this.nets.inpaint(levels ? spread(view, levels) : view, this.latent, shares);
    const completed = levels ? fade(painted.completed, view, levels) : painted.completed;
    return { ...painted, completed, window, unknown: view.unknown };
  }
}

/** Write the class ids a view shows into the part of the photo that is its own. */
export function writeIds(layout, seen, { region, area }) {
  const ids = unviewLayout(likeliest(seen.layout, seen.window.size), seen.window, region);
  eachPixel(region, layout.width, (k, at) => area[k] && (layout.data[at] = ids.data[k]));
}

/** Class ids as the share of each class under each of the core's pixels, [K, size, size]. */
export function sharesOf(ids, classes, size) {
  const shares = new Float32Array(classes * size * size);
  const scale = size / ids.width;
  const overlap = (pixel, cell) => Math.max(0, Math.min((pixel + 1) * scale, cell + 1) - Math.max(pixel * scale, cell));
  const cells = (pixel) => [Math.floor(pixel * scale), Math.min(size - 1, Math.floor((pixel + 1) * scale))];
  for (let y = 0; y < ids.height; y++) {
    const [top, bottom] = cells(y);
    for (let x = 0; x < ids.width; x++) {
      const [left, right] = cells(x);
      const plane = ids.data[y * ids.width + x] * size * size;
      for (let v = top; v <= bottom; v++) for (let u = left; u <= right; u++) shares[plane + v * size + u] += overlap(y, v) * overlap(x, u);
    }
  }
  return shares;
}
