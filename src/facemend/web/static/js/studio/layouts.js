/** The layout as the network sees it, asked for when it is needed, and the ideas that change it. */

import { pack, samePacked, snapshot } from '../core/edit.js';
import { ideas } from '../core/reshape.js';
import { samePlace } from '../core/steps.js';
import { readLayout } from '../pixels.js';

export class Layouts {
  #first = null; // on its way since the photo was opened

  constructor({ store, api, legend, jobs, painting, history }) {
    Object.assign(this, { store, api, legend, jobs, painting, history });
  }

  /** Ask for the layout of a photo that was just opened, in silence. */
  begin() {
    this.#first = this.#load(null);
  }

  /** Resolves to whether there is a layout; it is asked for if there is none. */
  async need(where) {
    if (!this.store.state.networkLayout && this.#first) {
      const isWanted = await this.jobs.run(where, { kind: 'layout' }, () => this.#first.then(() => true));
      if (!isWanted) return false;
    }
    if (!this.store.state.networkLayout) await this.#load(where);
    return this.store.state.networkLayout !== null;
  }

  /** Have a layout that fits the mask, unless somebody has changed it. */
  async refresh() {
    if ((await this.need('layout')) && this.#isStale()) await this.#load('layout');
  }

  /** Change the layout by one of the ideas. */
  async applyIdea(name) {
    if (!(await this.need('layout'))) return; // the view is open, but it could not be read
    const shape = ideas[name](this.painting.layout);
    if (!shape) return this.jobs.complain('layout', 'error.idea');
    this.painting.putIds(shape.at, shape.rect);
  }

  /** Whether the layout was completed under another mask, and nobody has changed it. */
  #isStale() {
    const { networkLayout, layoutEdited, onTop, byLayout } = this.store.state;
    if (layoutEdited || byLayout || !onTop) return false;
    return !samePacked(networkLayout.madeUnder, snapshot(this.painting.mask));
  }

  /** Ask the network for the layout of the picture on the stage, completed under the mask; without `where` in silence. */
  async #load(where) {
    const { photo, shown, onTop, area } = this.store.state;
    const { mask } = this.painting;
    const covered = onTop ? snapshot(mask) : pack(this.painting.noMask());
    const coverFile = onTop && area > 0 ? mask.toPng() : null;
    const bytes = await this.jobs.run(where, { kind: 'layout' }, async (signal) => {
      return readLayout(await this.api.layout(await this.history.picture(shown), await coverFile, signal), this.legend, photo);
    });
    const { state } = this.store;
    if (!bytes || state.photo !== photo || !samePlace(state.shown, shown) || state.layoutEdited) return;
    if (!where && state.steps.length > 1) return; // too late to be no step of its own: it is read again when it is needed
    this.painting.takeNetworkLayout(bytes, covered);
  }
}
