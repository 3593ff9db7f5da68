/**
 * What a person can do here, without knowing how it looks: open a photo, paint on its mask or its layout, restore, pick,
 * go back. The pages in `ui/` call it and its parts, and watch its store.
 */

import { snapshot } from '../core/edit.js';
import { ORIGINAL, firstStep, unusedSeed } from '../core/steps.js';
import { PatchBitmaps, closePhoto } from '../picture.js';
import { readLayout } from '../pixels.js';
import { Store } from '../store.js';
import { History } from './history.js';
import { Jobs } from './jobs.js';
import { Layouts } from './layouts.js';
import { Masks } from './masks.js';
import { openPhoto } from './opening.js';
import { Painting } from './painting.js';

const NUM_VARIANTS = 4;

export class Studio {
  constructor(api, { legend, limits }) {
    Object.assign(this, { api, legend, limits });
    this.bitmaps = new PatchBitmaps();
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
      networkLayout: null, // packed, as the network answered, and the mask that it was completed under
      layoutEdited: false,
      area: 0, // share of the photo under the mask
      busy: null, // {kind, ...progress}
      problem: null, // {where, text or code}
      unsaved: false, // whether the last result has not been downloaded
      canUndo: false,
      canRedo: false,
    });
    this.jobs = new Jobs(this.store, () => this.close());
    this.painting = new Painting(this.store);
    this.history = new History(this.store, this.painting, limits.max_patches);
    this.layouts = new Layouts(this);
    this.masks = new Masks(this);
  }

  get state() {
    return this.store.state;
  }

  /**
   * Open a file, or the promise of one. What was being opened before is given up at once; the photo that is open, and its
   * history, only for one that can be restored.
   */
  async open(coming) {
    this.jobs.stop();
    const { api, limits } = this;
    const photo = await this.jobs.run('photo', { kind: 'open' }, async (signal) => {
      // With nothing to lose the verdict that comes with the layout is soon enough.
      const approve = async (file) => this.state.photo && api.approve(file, signal);
      return openPhoto(await coming, limits, { api, approve, signal });
    });
    if (!photo) return;
    this.#begin(photo);
    this.layouts.begin();
  }

  #begin(photo) {
    this.#forgetPictures();
    this.painting.begin(photo);
    this.store.set({
      photo, steps: [firstStep()], shown: ORIGINAL, onTop: true, byLayout: false, compareWith: ORIGINAL, view: 'paint', tool: 'brush',
      brushSize: Math.round(Math.min(photo.width, photo.height) / 12), networkLayout: null, layoutEdited: false, area: 0,
      unsaved: false, canUndo: false, canRedo: false,
    });
  }

  close() {
    this.jobs.stop();
    this.#forgetPictures();
    this.store.set({ photo: null, steps: [], problem: null, unsaved: false, view: 'paint' });
  }

  #forgetPictures() {
    if (this.state.photo) closePhoto(this.state.photo);
    this.bitmaps.clear();
  }

  /** Show a view; the layout view needs the network's layout first. */
  async show(view) {
    const { busy, onTop, layoutEdited } = this.state;
    if (busy) return; // a view may need a job of its own, which would end the one that runs
    if (view === 'paint' && !onTop) return layoutEdited ? this.history.adjustMask() : this.history.paintOnTop();
    this.store.set({ view, problem: null });
    if (view === 'layout') await this.layouts.refresh();
  }

  /** Repaint the hole; `another` asks for other variants of the same hole. */
  async restore({ another = false } = {}) {
    const { photo, steps, area, busy, view, layoutEdited } = this.state;
    if (!photo || busy?.kind === 'restore') return;
    if (area === 0) return this.jobs.complain('restore', view === 'layout' ? 'error.nothingChanged' : 'error.nothingMasked');
    const byLayout = layoutEdited || this.state.byLayout;
    const seed = another ? unusedSeed(steps) : 0;
    const { mask } = this.painting;
    const step = { from: this.history.basePlace, mask: snapshot(mask), seed, byLayout };
    const files = Promise.all([mask.toPng(), byLayout ? this.layoutPng() : null]); // once, however often a full queue is asked
    const result = await this.jobs.run('restore', { kind: 'restore', stage: 'sending' }, async (signal) => {
      const onProgress = (progress) => this.store.set({ busy: { kind: 'restore', ...progress } });
      const [maskFile, layoutFile] = await files;
      const fields = { mask: maskFile, layout: layoutFile, seed, num_variants: NUM_VARIANTS };
      const answer = await this.api.inpaint(await this.history.picture(step.from), fields, { signal, onProgress });
      const ids = await readLayout(answer.layout, this.legend, photo);
      await Promise.all(answer.variants.map((patch) => this.bitmaps.load(patch))); // last, or some are gone before they are seen
      return { ...answer, ids };
    });
    if (result && this.state.photo === photo) this.history.addStep(step, result);
  }

  /** The picture on the stage as a file; `format` null is the photo's own. */
  async export(format) {
    const blob = await this.jobs.run('download', { kind: 'export' }, async (signal) =>
      this.api.export(await this.history.picture(this.state.shown), format, signal),
    );
    const { shown, steps } = this.state;
    if (blob && shown.step === steps.length - 1) this.store.set({ unsaved: false });
    return blob;
  }

  layoutPng() {
    return this.painting.layout.toPng(this.legend.map(({ color }) => color));
  }
}
