/** What takes a while: one job that the page shows and one in the background, and what is told when they go wrong. */

import { patiently } from '../patience.js';

/** What is told in the page's own words. */
export class Complaint extends Error {
  constructor(key, values = {}) {
    super(key);
    Object.assign(this, { key, values });
  }
}

export class Jobs {
  #shown = null; // the AbortController of the job that the page shows
  #background = null; // that of the job in the background

  /** @param {() => void} closePhoto what to do when no job would take the photo */
  constructor(store, closePhoto) {
    Object.assign(this, { store, closePhoto });
  }

  /**
   * Run `job(signal)`; what goes wrong is told beside `where`. Resolves to nothing when it failed or was stopped.
   * A job without `where` runs in the background and says nothing, unless the photo itself is refused: no job would take it.
   */
  async run(where, busy, job) {
    const controller = new AbortController();
    const { signal } = controller;
    if (where) {
      this.#shown?.abort();
      this.#shown = controller;
      this.store.set({ busy, problem: null });
    } else {
      this.#background = controller;
    }
    const onWait = (seconds) => where && this.store.set({ busy: seconds ? { ...busy, stage: 'full', seconds } : busy });
    try {
      const answer = await patiently(() => job(signal), { signal, onWait });
      if (!signal.aborted) return answer;
    } catch (error) {
      if (signal.aborted) return;
      if (where) this.#report(where, error);
      else if (error.code === 'photo') this.#refuse(error);
    } finally {
      if (this.#shown === controller) {
        this.#shown = null;
        this.store.set({ busy: null });
      }
    }
  }

  stop() {
    this.stopShown();
    this.#background?.abort();
  }

  /** Stop the job that the page shows; one in the background goes on. */
  stopShown() {
    this.#shown?.abort();
  }

  complain(where, key, values) {
    this.#report(where, new Complaint(key, values));
  }

  #refuse(error) {
    this.closePhoto();
    this.#report('photo', error);
  }

  #report(where, { key, values, code, message }) {
    this.store.set({ problem: { where, key, values, code, text: message } });
  }
}
