/** The mask and the layout over the photo: what is painted on them, by hand or by the page, and what can be taken back. */

import { Edit, blends, replaceAll, snapshot, unpack } from '../core/edit.js';
import { mainFace, partMargin } from '../core/faces.js';
import { Layer } from '../core/layer.js';
import { grown } from '../core/shapes.js';
import { UndoStack, changeAction } from '../core/undo.js';

export class Painting {
  #undo = new UndoStack();
  #original = { packed: null, bytes: null }; // the network's layout, unpacked
  onPaint = () => {}; // (rect or nothing) => a layer's bytes have changed

  constructor(store) {
    this.store = store;
  }

  /** Begin on another photo. */
  begin({ width, height }) {
    this.mask = new Layer(width, height, true);
    this.layout = new Layer(width, height, false);
    this.#undo.clear();
  }

  /** The layer that the current view paints on. */
  get layer() {
    return this.store.state.view === 'layout' ? this.layout : this.mask;
  }

  /** Whether there is something to paint on now. */
  get canPaint() {
    const { photo, view, busy, networkLayout } = this.store.state;
    if (!photo || busy || view === 'compare') return false;
    return view === 'paint' || networkLayout !== null;
  }

  // --- by hand ---

  /** Begin a change of the current layer; `erase` takes away, or brings the network's own layout back. */
  beginEdit(erase = false) {
    if (this.layer === this.mask) return new Edit(this.mask, erase ? blends.erase : blends.add);
    const blend = erase ? blends.putEach(this.#networkAt(), this.layout.width) : blends.put(this.store.state.classId);
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
    this.record(changes);
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

  // --- by the page ---

  addToMask(shape) {
    const edit = new Edit(this.mask, blends.add);
    edit.cover(shape);
    this.finish(edit);
  }

  replaceMask(bytes) {
    const change = replaceAll(this.mask, bytes);
    if (change) this.record([change]);
  }

  /** The bytes of a mask that covers nothing. */
  noMask() {
    return new Uint8Array(this.mask.data.length);
  }

  /** Put class ids, `at(x, y)`, into the layout. */
  putIds(at, rect) {
    const edit = new Edit(this.layout, blends.putEach(at, this.layout.width));
    edit.cover({ rect, at: () => 255 });
    this.finish(edit);
  }

  resetLayout() {
    this.putIds(this.#networkAt(), this.layout.bounds);
  }

  /** Take the network's layout of the picture on the stage, completed under a mask, packed. */
  takeNetworkLayout(bytes, madeUnder) {
    const { networkLayout: before, steps } = this.store.state;
    const change = replaceAll(this.layout, bytes);
    const after = { ...snapshot(this.layout), madeUnder };
    // Until the first layout and the first result, what can be undone and redone is about the mask alone.
    if (change && (before || steps.length > 1)) this.#keep([change], { networkLayout: before }, { networkLayout: after }, true);
    this.store.set({ networkLayout: after, canUndo: this.#undo.canUndo, canRedo: this.#undo.canRedo });
    this.onPaint();
  }

  #networkBytes() {
    const packed = this.store.state.networkLayout;
    if (this.#original.packed !== packed) this.#original = { packed, bytes: unpack(packed) };
    return this.#original.bytes;
  }

  #networkAt() {
    const bytes = this.#networkBytes();
    return (x, y) => bytes[y * this.layout.width + x];
  }

  #isLayoutEdited() {
    if (!this.store.state.networkLayout) return false;
    const bytes = this.#networkBytes();
    const { data } = this.layout;
    for (let i = 0; i < data.length; i++) if (data[i] !== bytes[i]) return true;
    return false;
  }

  // --- undo ---

  /** Have changes of layers, made already, undone as one, and with them the state that goes from `before` to `after`. */
  record(changes, before = {}, after = {}) {
    this.store.set(after);
    this.#keep(changes, before, after);
    this.#layersChanged();
  }

  #keep(changes, before, after, silent = false) {
    const layers = changeAction(changes);
    this.#undo.push({
      silent,
      undo: () => (layers.undo(), this.store.set(before)),
      redo: () => (layers.redo(), this.store.set(after)),
    });
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
}
