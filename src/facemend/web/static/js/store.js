/** The page's state: one plain object, and who wants to know when which of its keys change. */
export class Store {
  #listeners = [];

  constructor(state) {
    this.state = state;
  }

  set(changes) {
    const changed = Object.keys(changes).filter((key) => this.state[key] !== changes[key]);
    if (!changed.length) return;
    this.state = { ...this.state, ...changes };
    for (const { keys, tell } of this.#listeners) if (changed.some((key) => keys.includes(key))) tell(this.state);
  }

  /** Call `tell(state)` now and whenever one of `keys` changes. */
  watch(keys, tell) {
    this.#listeners.push({ keys, tell });
    tell(this.state);
  }
}
