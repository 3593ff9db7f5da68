/** The history of a photo: every picture that was made of it, which is on the stage, and which Restore works on. */

import { pack, replaceAll, snapshot, unpack } from '../core/edit.js';
import { patchesAt, samePlace } from '../core/steps.js';
import { mergePatches } from '../pixels.js';

const PLACE_KEYS = ['shown', 'onTop', 'byLayout', 'networkLayout', 'compareWith', 'view'];

export class History {
  constructor(store, painting, maxPatches) {
    Object.assign(this, { store, painting, maxPatches });
  }

  /** The picture that Restore works on. */
  get basePlace() {
    const { steps, shown, onTop } = this.store.state;
    return onTop ? shown : steps[shown.step].from;
  }

  /** A picture as the server takes it: the photo's file, and no more patches than it allows. */
  async picture(place) {
    const { photo, steps } = this.store.state;
    const patches = patchesAt(steps, place);
    const few = patches.length > this.maxPatches ? [await mergePatches(patches)] : patches;
    return { file: photo.file, patches: few };
  }

  /** Add what Restore has made, and show the first of its variants. */
  addStep(step, { variants, ids, notes }) {
    const change = replaceAll(this.painting.layout, ids);
    const madeUnder = pack(this.painting.noMask()); // so it is that of the result painted on top of
    const layout = { ...snapshot(this.painting.layout), madeUnder };
    const withLayouts = variants.map((patch, i) => ({ patch, layout: i === 0 || step.byLayout ? layout : null }));
    const steps = [...this.store.state.steps, { ...step, variants: withLayouts, notes }];
    const shown = { step: steps.length - 1, variant: 0 };
    this.store.set({ steps, unsaved: true });
    const next = { shown, onTop: false, byLayout: step.byLayout, networkLayout: layout, compareWith: step.from };
    this.#move({ ...next, view: 'compare' }, [change]);
  }

  /** Show another picture of the history, with the mask and layout it was made from. */
  goTo(place) {
    const { steps, shown, onTop, compareWith } = this.store.state;
    if (samePlace(place, shown) && !onTop) return this.store.set({ view: 'compare' });
    const { from, mask, variants, byLayout } = steps[place.step];
    const { layout = null } = variants[place.variant] ?? {};
    const changes = [replaceAll(this.painting.mask, mask ? unpack(mask) : this.painting.noMask())];
    if (layout) changes.push(replaceAll(this.painting.layout, unpack(layout)));
    const isResult = place.step > 0;
    const next = { shown: place, onTop: !isResult, byLayout, networkLayout: layout, view: isResult ? 'compare' : 'paint' };
    if (samePlace(place, compareWith)) next.compareWith = from; // both sides would show the same picture
    this.#move(next, changes);
  }

  /** Take the picture shown as the new base, with an empty mask and its own layout: paint again on top of it. */
  paintOnTop() {
    const { onTop, layoutEdited, networkLayout } = this.store.state;
    if (onTop) return this.store.set({ view: 'paint' });
    const changes = [replaceAll(this.painting.mask, this.painting.noMask())];
    if (layoutEdited) changes.push(replaceAll(this.painting.layout, unpack(networkLayout)));
    this.#move({ onTop: true, byLayout: false, view: 'paint' }, changes);
  }

  /** Go back to what this step was painted on, its mask in place to be changed, and its layout where it was painted by one. */
  adjustMask() {
    if (this.store.state.onTop) return this.store.set({ view: 'paint' });
    this.#move({ shown: this.basePlace, onTop: true, view: 'paint' }, []);
  }

  /** Change the place in the history so that it can be undone; `changes` of layers, or null, have been made already. */
  #move(next, changes) {
    const before = Object.fromEntries(PLACE_KEYS.map((key) => [key, this.store.state[key]]));
    this.painting.record(changes.filter(Boolean), before, next);
  }
}
