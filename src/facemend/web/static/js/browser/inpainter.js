/** A photo and a hole in, the restored photo out. Mirrors facemend/pipeline.py, class ids included. */

import { calmColors } from './coloring.js';
import { matchCompression } from './compression.js';
import { SURE, faceWindow, hidesLandmarks } from './faces.js';
import { fade, findLevels, spread } from './fading.js';
import { eachPixel, unviewLayout, unviewPhoto, viewLayout, viewPhoto } from './framing.js';
import { matchGrain } from './grain.js';
import { RIM, faded, fading } from './joining.js';
import { Mtcnn } from './mtcnn.js';
import { likeliest, personIn, softened } from './network-view.js';
import { HARDLY_ALIGNED, LOOSELY_ALIGNED, planFaces, planViews, portraitWindow } from './planning.js';
import { fillBorder, findBorder } from './print-border.js';
import { normals } from './random.js';
import { withoutFaces } from './renaming.js';
import { picture, planeOf, resizeArea } from './resample.js';
import { carryResiduals } from './residuals.js';
import { findFaces, measureAgain } from './search.js';
import { matchSharpness } from './sharpness.js';
import { matchTones, measureFaceTones, measureTones } from './toning.js';

const HAIR = 13;
const NUM_FITS = 2;
const NO_FACE = 'no face found: took what lies round the mask for one';

export class Inpainter {
  constructor(nets, description) {
    this.nets = nets;
    this.description = description;
    this.detector = new Mtcnn(nets.detector);
  }

  /**
   * Repaint what the hole covers.
   * @param rgb picture of bytes; what lies under the hole is not looked at
   * @param hole {data, width, height}, 1 = repaint
   * @param options {seed, numVariants, layout: {data, width, height} of class ids or null, coding: of a JPEG or null, onRun: async (variant from 1)}
   * @returns {{variants: object[], layout, notes}} variants: pictures, changed in the hole alone
   */
  async restore(rgb, hole, { seed, numVariants, layout, coding, onRun }) {
    const border = findBorder(rgb, hole);
    // Paper is as little for the network to see as what lies beyond a photo, but not to be painted by it.
    const where = (isHole) => ({ ...hole, data: hole.data.map((there, i) => (isHole(there, border.share[i]) ? 1 : 0)) });
    const known = border ? fillBorder(rgb, hole, border) : rgb;
    const unknown = border ? where((there, paper) => there || paper > 0) : hole;
    const wanted = border ? where((there, paper) => there && paper < 1) : hole;
    const windows = wanted.data.includes(1) ? await this.#findWindows(known, wanted, () => onRun(0)) : [];
    const views = wanted.data.includes(1) ? planViews(wanted, windows) : [];
    const tonesOfAll = measureTones(known, unknown.data.map((there) => 1 - there));
    const tones = views.map(({ window, beside }) => (beside ? null : measureFaceTones(known, unknown, window)) ?? tonesOfAll);
    const shares = await shareOut(views, wanted, unknown, () => onRun(0));
    const variants = [];
    let firstLayout = layout;
    for (const [i, latent] of this.#latents(seed, numVariants).entries()) {
      const { painted, ids } = await this.#paint(known, { unknown, views, shares, tones }, latent, layout, () => onRun(i + 1));
      const whole = matchGrain(border ? fillBorder(painted, hole, border) : painted, known, hole, ids.data.map((id) => id === HAIR));
      variants.push(matchCompression(whole, rgb, hole, coding));
      firstLayout ??= ids;
    }
    return { variants, layout: firstLayout, notes: views.length && !windows.length ? [NO_FACE] : [] };
  }

  /** Tell the parts of every face in a photo, those under the hole as the network would paint them. */
  async parse(rgb, hole, onRun) {
    const [latent] = this.#latents(0, 1);
    const layout = picture(rgb.width, rgb.height, 1);
    for (const view of planFaces(rgb, await this.#findWindows(rgb, hole, onRun))) {
      await onRun();
      const seen = await this.#run(rgb, hole, view.window, latent, null);
      writeIds(layout, seen, view);
    }
    return layout;
  }

  async #findWindows(rgb, hole, onRun) {
    const detector = { detect: async (image) => (await onRun(), this.detector.detect(image)) };
    const paint = async (window) => {
      await onRun();
      return trialOf(await this.#run(rgb, hole, window, this.#latents(0, 1)[0], null));
    };
    const windows = [];
    for (const face of await findFaces(rgb, hole, detector, paint)) windows.push(await this.#frame(face, rgb, hole, detector));
    return windows;
  }

  /** Lay the square round a face; one that lacks eyes or mouth is restored first, to be measured by that. */
  async #frame(face, rgb, hole, detector) {
    let window = faceWindow(face);
    if (!hidesLandmarks(hole, face)) return portraitWindow(window, hole) ?? window;
    const isSeen = face.score >= SURE || hole.width !== hole.height;
    window = portraitWindow(window, hole, isSeen ? LOOSELY_ALIGNED : HARDLY_ALIGNED) ?? window;
    for (let i = 0; i < NUM_FITS; i++) {
      const restored = await this.#run(rgb, hole, window, this.#latents(0, 1)[0], null);
      const again = await measureAgain(face, restored.completed, restored.window, detector);
      if (again === face) break;
      [face, window] = [again, faceWindow(again)];
      const portrait = portraitWindow(window, hole);
      if (portrait) return portrait;
    }
    return window;
  }

  /** Fill what is wanted of the unknown, view by view, each by its share and knowing what those before it painted. */
  async #paint(rgb, { unknown, views, shares, tones }, latent, layout, onRun) {
    const painted = { ...rgb, data: rgb.data.slice() };
    const rest = { ...unknown, data: unknown.data.slice() };
    const ids = picture(rgb.width, rgb.height, 1);
    for (const [number, view] of views.entries()) {
      const { region, area } = view;
      const { inRegion, inPhoto, share } = shares[number];
      for (const at of inPhoto) rest.data[at] = 1;
      const seen = await this.#see(painted, rest, view, latent, layout, onRun);
      const soft = unviewPhoto(softened(seen), seen.window, region);
      const places = new Uint8Array(area.length);
      for (const k of inRegion) places[k] = 1;
      let detailed = carryResiduals(painted, rest, places, soft, seen, region);
      if (tones[number]) detailed = matchTones(detailed, places, tones[number]);
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
  async #see(rgb, hole, { window, beside }, latent, layout, onRun) {
    await onRun();
    let seen = await this.#run(rgb, hole, window, latent, layout && viewLayout(layout, window), !beside);
    const { size } = seen.window;
    if (!beside) return { ...seen, completed: matchSharpness(seen.completed, seen.unknown, size, personIn(seen)) };
    const renamed = layout ? null : withoutFaces(likeliest(seen.layout, size), seen.unknown);
    if (renamed) {
      await onRun();
      seen = await this.#run(rgb, hole, window, latent, renamed);
    }
    return { ...seen, completed: matchSharpness(calmColors(seen.completed, seen.unknown, size), seen.unknown, size) };
  }

  #latents(seed, count) {
    const size = this.description.latent_size;
    const draw = normals(seed);
    return Array.from({ length: count }, (_, i) => (seed === 0 && i === 0 ? new Float32Array(size) : draw(size)));
  }

  /**
   * Run the network on one window of a photo; the layout, if one is given, is that of the view. With `unfade` it sees a faded face in full
   * contrast; a wall, which is no face, is plain rather than faded.
   */
  async #run(rgb, hole, window, latent, layout, unfade = false) {
    const view = viewPhoto(rgb, hole, window);
    const { core_size: core, legend } = this.description;
    const shares = layout && sharesOf(layout, legend.length, core);
    const levels = unfade ? findLevels(view) : null;
    const painted = await this.nets.inpaint(levels ? spread(view, levels) : view, latent, shares);
    const completed = levels ? fade(painted.completed, view, levels) : painted.completed;
    return { ...painted, completed, window, unknown: view.unknown };
  }
}

/**
 * How much each view decides, once those before it have painted; no latent has a say in that.
 * @returns {{inRegion: Uint32Array, inPhoto: Uint32Array, share: Float32Array}[]} for each view the pixels that it paints: their
 *   numbers in its region and in the photo, and its share in each
 */
async function shareOut(views, wanted, unknown, onView) {
  const rest = unknown.data.slice();
  const shares = [];
  let smallest = Infinity;
  for (const { window, region, area } of views) {
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
    shares.push({ inRegion: Uint32Array.from(inRegion), inPhoto: Uint32Array.from(inPhoto), share: Float32Array.from(inRegion, (k) => share[k]) });
  }
  return shares;
}

/** What a run says of the face it painted: how sure it is of the parts in the hole, and how much of the person is no paint. */
function trialOf({ completed, layout: { data, classes, size }, unknown, window }) {
  const holed = resizeArea(planeOf(unknown, 0, window.size), size, size).data;
  let [sure, hidden, person, seen] = [0, 0, 0, 0];
  for (let i = 0; i < holed.length; i++) {
    let most = 0;
    for (let k = 0; k < classes; k++) most = Math.max(most, data[k * holed.length + i]);
    sure += most * holed[i];
    hidden += holed[i];
    person += 1 - data[i]; // all but the background
    seen += (1 - data[i]) * (1 - holed[i]);
  }
  return { completed, certainty: sure / Math.max(1, hidden), seen: seen / person };
}

/** Write the class ids a view shows into the part of the photo that is its own. */
function writeIds(layout, seen, { region, area }) {
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
