/**
 * What a person can do here, without knowing how it looks: open a photo, paint on its mask or its layout, restore, pick,
 * go back. The pages in `ui/` call it and watch its store.
 */

import { kindOf } from './kinds.js';
import { patiently } from './patience.js';
import { PatchBitmaps, closePhoto, decodePhoto } from './picture.js';
import { mergePatches, readLayout, readMask, transparentPart } from './pixels.js';
import { Store } from './store.js';
import { PARTS } from './core/classes.js';
import { Edit, blends, pack, replaceAll, samePacked, snapshot, unpack } from './core/edit.js';
import { mainFace, partMargin, partShape } from './core/faces.js';
import { Layer } from './core/layer.js';
import { encodePng } from './core/png.js';
import { ideas } from './core/reshape.js';
import { bitmap, grown } from './core/shapes.js';
import { ORIGINAL, firstStep, patchesAt, samePlace, unusedSeed } from './core/steps.js';
import { UndoStack, changeAction } from './core/undo.js';

const NUM_VARIANTS = 4;
const PLACE_KEYS = ['shown', 'onTop', 'byLayout', 'networkLayout', 'compareWith'];

/** What is told in the page's own words. */
class Complaint extends Error {
  constructor(key, values = {}) {
    super(key);
    Object.assign(this, { key, values });
  }
}

/** A copy of a file in memory: no browser sends a file that was touched on the disk since it was picked. */
async function copied(file) {
  const bytes = await file.arrayBuffer().catch(() => {
    throw new Complaint('error.unreadable');
  });
  return new File([bytes], file.name || 'photo.png', { type: file.type });
}

export class Studio {
  #undo = new UndoStack();
  #running = null; // the AbortController of the job under way
  #quietly = null; // that of the layout being read in the background
  #original = { packed: null, bytes: null }; // the network's layout, unpacked
  #firstLayout = null; // on its way since the photo was opened
  #madeUnder = new WeakMap(); // a layout of the network's => the mask that it was completed under, both packed

  constructor(api, { legend, limits }) {
    this.api = api;
    this.legend = legend;
    this.limits = limits;
    this.bitmaps = new PatchBitmaps();
    this.onPaint = () => {}; // (rect or nothing) => a layer's bytes have changed
    this.store = new Store({
      photo: null, // {name, file, kind, width, height, levels}
      steps: [],
      shown: ORIGINAL, // the picture on the stage
      onTop: true, // whether Restore works on the picture shown; else it makes its step anew
      byLayout: false, // whether Restore follows the layout even where nobody changes it: the step was painted by it
      compareWith: ORIGINAL,
      view: 'paint', // paint, layout, compare
      tool: 'brush',
      brushSize: 48, // photo pixels across
      softness: 0,
      subtract: false, // whether lasso and rectangle take away
      classId: 1,
      networkLayout: null, // packed, as the network answered
      layoutEdited: false,
      area: 0, // share of the photo under the mask
      busy: null, // {kind, ...progress}
      problem: null, // {where, text or code}
      notes: [],
      unsaved: false, // whether the last result has not been downloaded
      canUndo: false,
      canRedo: false,
    });
  }

  get state() {
    return this.store.state;
  }

  /** The layer that the current view paints on. */
  get layer() {
    return this.state.view === 'layout' ? this.layout : this.mask;
  }

  /** Whether there is something to paint on now. */
  get canPaint() {
    const { photo, view, busy, networkLayout } = this.state;
    if (!photo || busy || view === 'compare') return false;
    return view === 'paint' || networkLayout !== null;
  }

  // --- photos ---

  /** Open a file, or the promise of one; what was being opened before is given up. */
  async open(coming) {
    this.stop();
    const photo = await this.#ask('photo', { kind: 'open' }, async (signal) => this.#decode(await coming, signal));
    if (!photo) return;
    this.#begin(photo);
    this.#firstLayout = this.#loadLayout(null);
  }

  async #decode(picked, signal) {
    const { max_bytes, max_pixels } = this.limits;
    if (picked.size > max_bytes) throw new Complaint('error.bytes', { limit: Math.round(max_bytes / 1e6) });
    const file = await copied(picked);
    const photo = await decodePhoto(file, (unread) => this.api.preview(unread, signal));
    const isTooLarge = photo.width * photo.height > max_pixels;
    if (isTooLarge || signal.aborted) closePhoto(photo);
    if (isTooLarge) throw new Complaint('error.pixels', { limit: Math.round(max_pixels / 1e6) });
    return { ...photo, file, kind: await kindOf(file), name: file.name };
  }

  #begin(photo) {
    this.#forgetPictures();
    this.mask = new Layer(photo.width, photo.height, true);
    this.layout = new Layer(photo.width, photo.height, false);
    this.#undo.clear();
    this.store.set({
      photo, steps: [firstStep()], shown: ORIGINAL, onTop: true, byLayout: false, compareWith: ORIGINAL, view: 'paint', tool: 'brush',
      brushSize: Math.round(Math.min(photo.width, photo.height) / 12), networkLayout: null, layoutEdited: false, area: 0,
      notes: [], unsaved: false, canUndo: false, canRedo: false,
    });
  }

  close() {
    this.stop();
    this.#forgetPictures();
    this.store.set({ photo: null, steps: [], problem: null, notes: [], unsaved: false, view: 'paint' });
  }

  #forgetPictures() {
    if (this.state.photo) closePhoto(this.state.photo);
    this.bitmaps.clear();
  }

  // --- painting ---

  /** Begin a change of the current layer; `erase` takes away, or brings the network's own layout back. */
  beginEdit(erase = false) {
    if (this.state.view !== 'layout') return new Edit(this.mask, erase ? blends.erase : blends.add);
    const blend = erase ? blends.putEach(this.#networkAt(), this.layout.width) : blends.put(this.state.classId);
    return new Edit(this.layout, blend);
  }

  cover(edit, shape) {
    const rect = edit.cover(shape);
    if (rect) this.onPaint(rect);
  }

  revert(edit) {
    edit.revert();
    this.onPaint(edit.touched);
  }

  finish(edit) {
    const change = edit.commit();
    if (!change) return;
    const changes = [change];
    if (edit.layer === this.layout) {
      const widened = this.#maskWhatChanged(edit.touched);
      if (widened) changes.push(widened);
    }
    this.#undo.push(changeAction(changes));
    this.#layersChanged();
  }

  /** What is changed in the layout must be repainted, with a margin for its edges. */
  #maskWhatChanged(rect) {
    const network = this.#networkBytes();
    const margin = partMargin(mainFace(this.layout), this.layout);
    const shape = grown(this.layout, rect, (id, i) => id !== network[i], margin);
    if (!shape) return null;
    const edit = new Edit(this.mask, blends.add);
    edit.cover(shape);
    return edit.commit();
  }

  #maskShape(shape) {
    const edit = new Edit(this.mask, blends.add);
    edit.cover(shape);
    this.finish(edit);
  }

  async maskPart(name) {
    if (!(await this.#needLayout('mask'))) return;
    const shape = partShape(this.layout, PARTS[name]);
    if (!shape) return this.#complain('mask', 'error.part');
    this.#maskShape(shape);
  }

  async maskDamage() {
    const bytes = await this.#ask('mask', { kind: 'damage' }, async (signal) => {
      const picture = await this.#picture(this.#basePlace());
      return readMask(await this.api.damage(picture, signal), this.state.photo);
    });
    if (!bytes) return;
    if (!bytes.includes(255)) return this.#complain('mask', 'error.damage');
    this.#maskShape(bitmap(this.mask.bounds, bytes));
  }

  async maskFile(file) {
    const { photo } = this.state;
    const bytes = await this.#ask('mask', { kind: 'mask' }, async () => {
      const read = await readMask(file, photo).catch(() => {
        throw new Complaint('error.maskFile');
      });
      if (!read) throw new Complaint('error.maskShape', { size: `${photo.width} × ${photo.height}` });
      return read;
    });
    if (bytes) this.#replaceMask(bytes);
  }

  maskAlpha() {
    const bytes = transparentPart(this.state.photo.levels[0]);
    if (!bytes) return this.#complain('mask', 'error.alpha');
    this.#replaceMask(bytes);
  }

  clearMask() {
    this.#replaceMask(new Uint8Array(this.mask.data.length));
  }

  invertMask() {
    this.#replaceMask(this.mask.data.map((value) => 255 - value));
  }

  #replaceMask(bytes) {
    const change = replaceAll(this.mask, bytes);
    if (!change) return;
    this.#undo.push(changeAction([change]));
    this.#layersChanged();
  }

  /** Change the layout by one of the ideas. */
  async applyIdea(name) {
    if (!(await this.#needLayout('layout'))) return; // the view is open, but it could not be read
    const shape = ideas[name](this.layout);
    if (!shape) return this.#complain('layout', 'error.idea');
    this.#putIds(shape.at, shape.rect);
  }

  resetLayout() {
    this.#putIds(this.#networkAt(), this.layout.bounds);
  }

  #putIds(at, rect) {
    const edit = new Edit(this.layout, blends.putEach(at, this.layout.width));
    edit.cover({ rect, at: () => 255 });
    this.finish(edit);
  }

  undo() {
    this.#undo.undo();
    this.#layersChanged();
  }

  redo() {
    this.#undo.redo();
    this.#layersChanged();
  }

  #layersChanged() {
    const { data } = this.mask;
    let covered = 0;
    for (let i = 0; i < data.length; i++) covered += data[i] >> 7;
    this.store.set({
      area: covered / data.length,
      layoutEdited: this.#isLayoutEdited(),
      canUndo: this.#undo.canUndo,
      canRedo: this.#undo.canRedo,
      problem: null,
    });
    this.onPaint();
  }

  // --- the network's layout ---

  /** Show a view; the layout view and the parts of the face need the network's layout first. */
  async show(view) {
    if (this.state.busy) return; // a view may need a job of its own, which would end the one that runs
    if (view === 'paint' && !this.state.onTop) return this.state.layoutEdited ? this.adjustMask() : this.paintOnTop();
    this.store.set({ view, problem: null });
    if (view !== 'layout') return;
    if ((await this.#needLayout('layout')) && this.#isLayoutStale()) await this.#loadLayout('layout');
  }

  /** Whether the layout was completed under another mask, and nobody has changed it. */
  #isLayoutStale() {
    const { networkLayout, layoutEdited, onTop, byLayout } = this.state;
    if (layoutEdited || byLayout || !onTop) return false;
    return !samePacked(this.#madeUnder.get(networkLayout), snapshot(this.mask));
  }

  async #needLayout(where) {
    if (!this.state.networkLayout && this.#firstLayout) {
      const isWanted = await this.#ask(where, { kind: 'layout' }, () => this.#firstLayout.then(() => true));
      if (!isWanted) return false;
    }
    if (!this.state.networkLayout) await this.#loadLayout(where);
    return this.state.networkLayout !== null;
  }

  /** Ask the network for the layout of the picture on the stage, completed under the mask; without `where` in silence. */
  async #loadLayout(where) {
    const { photo, shown, onTop, area } = this.state;
    const [covered, coverFile] = [onTop ? snapshot(this.mask) : this.#noMask(), onTop && area > 0 ? this.maskPng() : null];
    const bytes = await this.#ask(where, { kind: 'layout' }, async (signal) => {
      return readLayout(await this.api.layout(await this.#picture(shown), await coverFile, signal), this.legend);
    });
    const { state } = this;
    if (!bytes || state.photo !== photo || !samePlace(state.shown, shown) || state.layoutEdited) return;
    if (!where && state.steps.length > 1) return; // too late to be no step of its own: it is read again when it is needed
    const before = state.networkLayout;
    const change = replaceAll(this.layout, bytes);
    const after = snapshot(this.layout);
    this.#madeUnder.set(after, covered);
    // Until the first layout and the first result, what can be undone and redone is about the mask alone.
    if (change && (before || state.steps.length > 1)) {
      this.#undo.push({
        silent: true,
        undo: () => (change.swap(), this.store.set({ networkLayout: before })),
        redo: () => (change.swap(), this.store.set({ networkLayout: after })),
      });
    }
    this.store.set({ networkLayout: after, canUndo: this.#undo.canUndo, canRedo: this.#undo.canRedo });
    this.onPaint();
  }

  #noMask() {
    return pack(new Uint8Array(this.mask.data.length));
  }

  #networkBytes() {
    const packed = this.state.networkLayout;
    if (this.#original.packed !== packed) this.#original = { packed, bytes: unpack(packed) };
    return this.#original.bytes;
  }

  #networkAt() {
    const bytes = this.#networkBytes();
    return (x, y) => bytes[y * this.layout.width + x];
  }

  #isLayoutEdited() {
    if (!this.state.networkLayout) return false;
    const bytes = this.#networkBytes();
    const { data } = this.layout;
    for (let i = 0; i < data.length; i++) if (data[i] !== bytes[i]) return true;
    return false;
  }

  // --- restoring ---

  /** Repaint the hole; `another` asks for other faces of the same hole. */
  async restore({ another = false } = {}) {
    const { photo, steps, area, busy, view } = this.state;
    if (!photo || busy?.kind === 'restore') return;
    if (area === 0) return this.#complain('restore', view === 'layout' ? 'error.nothingChanged' : 'error.nothingMasked');
    const byLayout = this.state.layoutEdited || this.state.byLayout;
    const seed = another ? unusedSeed(steps) : 0;
    const [from, mask] = [this.#basePlace(), snapshot(this.mask)];
    const files = Promise.all([this.maskPng(), byLayout ? this.layoutPng() : null]); // once, however often a full queue is asked
    const result = await this.#ask('restore', { kind: 'restore', stage: 'sending' }, async (signal) => {
      const onProgress = (progress) => this.store.set({ busy: { kind: 'restore', ...progress } });
      const [maskFile, layoutFile] = await files;
      const fields = { mask: maskFile, layout: layoutFile, seed, num_variants: NUM_VARIANTS };
      const answer = await this.api.inpaint(await this.#picture(from), fields, { signal, onProgress });
      const ids = await readLayout(answer.layout, this.legend);
      await Promise.all(answer.variants.map((patch) => this.bitmaps.load(patch))); // last, or some are gone before they are seen
      return { ...answer, ids };
    });
    if (result && this.state.photo === photo) this.#addStep({ from, mask, seed, byLayout }, result);
  }

  #addStep(step, { variants, ids, notes }) {
    const change = replaceAll(this.layout, ids);
    const layout = snapshot(this.layout);
    this.#madeUnder.set(layout, this.#noMask()); // so it is that of the result painted on top of
    const withLayouts = variants.map((patch, i) => ({ patch, layout: i === 0 || step.byLayout ? layout : null }));
    const steps = [...this.state.steps, { ...step, variants: withLayouts }];
    const shown = { step: steps.length - 1, variant: 0 };
    this.store.set({ steps, notes, unsaved: true });
    const next = { shown, onTop: false, byLayout: step.byLayout, networkLayout: layout, compareWith: step.from };
    this.#move(next, 'compare', change ? [change] : []);
  }

  /** Show another picture of the history, with the mask and layout it was made from. */
  goTo(place) {
    const { steps, shown, onTop, compareWith } = this.state;
    if (samePlace(place, shown) && !onTop) return this.store.set({ view: 'compare' });
    const { from, mask, variants, byLayout } = steps[place.step];
    const { layout = null } = variants[place.variant] ?? {};
    const changes = [replaceAll(this.mask, mask ? unpack(mask) : new Uint8Array(this.mask.data.length))];
    if (layout) changes.push(replaceAll(this.layout, unpack(layout)));
    const isResult = place.step > 0;
    const next = { shown: place, onTop: !isResult, byLayout, networkLayout: layout };
    if (samePlace(place, compareWith)) next.compareWith = from; // both sides would show the same picture
    this.#move(next, isResult ? 'compare' : 'paint', changes.filter(Boolean));
  }

  /** Take the picture shown as the new base, with an empty mask and its own layout: paint again on top of it. */
  paintOnTop() {
    if (this.state.onTop) return this.store.set({ view: 'paint' });
    const changes = [replaceAll(this.mask, new Uint8Array(this.mask.data.length))];
    if (this.state.layoutEdited) changes.push(replaceAll(this.layout, this.#networkBytes()));
    this.#move({ onTop: true, byLayout: false }, 'paint', changes.filter(Boolean));
  }

  /** Go back to what this step was painted on, its mask in place to be changed, and its layout where it was painted by one. */
  adjustMask() {
    if (this.state.onTop) return this.store.set({ view: 'paint' });
    this.#move({ shown: this.#basePlace(), onTop: true }, 'paint', []);
  }

  /** Change the place in the history so that it can be undone; `changes` of layers have been made already. */
  #move(next, view, changes) {
    const before = Object.fromEntries([...PLACE_KEYS, 'view'].map((key) => [key, this.state[key]]));
    const after = { ...next, view };
    const layers = changeAction(changes);
    this.store.set(after);
    this.#undo.push({
      undo: () => (layers.undo(), this.store.set(before)),
      redo: () => (layers.redo(), this.store.set(after)),
    });
    this.#layersChanged();
  }

  /** The picture that Restore works on. */
  #basePlace() {
    const { steps, shown, onTop } = this.state;
    return onTop ? shown : steps[shown.step].from;
  }

  // --- files ---

  async #picture(place) {
    const patches = patchesAt(this.state.steps, place);
    const few = patches.length > this.limits.max_patches ? [await mergePatches(patches)] : patches;
    return { file: this.state.photo.file, patches: few };
  }

  /** The picture on the stage as a file; `format` null is the photo's own. */
  async export(format) {
    const blob = await this.#ask('download', { kind: 'export' }, async (signal) =>
      this.api.export(await this.#picture(this.state.shown), format, signal),
    );
    const { shown, steps } = this.state;
    if (blob && shown.step === steps.length - 1) this.store.set({ unsaved: false });
    return blob;
  }

  maskPng() {
    return encodePng(this.mask.width, this.mask.height, this.mask.data);
  }

  layoutPng() {
    const palette = this.legend.map(({ color }) => color);
    return encodePng(this.layout.width, this.layout.height, this.layout.data, palette);
  }

  // --- jobs ---

  stop() {
    this.stopJob();
    this.#quietly?.abort();
  }

  /** Stop the job that the page shows; one in the background goes on. */
  stopJob() {
    this.#running?.abort();
  }

  /**
   * Run a job of the server; what goes wrong is told beside `where`. Resolves to nothing when it failed or was stopped.
   * A job without `where` runs in the background and says nothing, unless the photo itself is refused: no job would take it.
   */
  async #ask(where, busy, job) {
    const controller = new AbortController();
    const { signal } = controller;
    if (where) {
      this.#running?.abort();
      this.#running = controller;
      this.store.set({ busy, problem: null });
    } else {
      this.#quietly = controller;
    }
    const onWait = (seconds) => where && this.store.set({ busy: { ...busy, stage: 'full', seconds } });
    try {
      const answer = await patiently(() => job(signal), { signal, onWait });
      if (!signal.aborted) return answer;
    } catch (error) {
      if (signal.aborted) return;
      if (where) this.#report(where, error);
      else if (error.code === 'photo') this.#refuse(error);
    } finally {
      if (this.#running === controller) {
        this.#running = null;
        this.store.set({ busy: null });
      }
    }
  }

  #refuse(error) {
    this.close();
    this.#report('photo', error);
  }

  #report(where, { key, values, code, message }) {
    this.store.set({ problem: { where, key, values, code, text: message } });
  }

  #complain(where, key, values) {
    this.#report(where, new Complaint(key, values));
  }
}
