/**
 * What was done and can be taken back. An action is `{undo(), redo(), silent, ofMask}`; silent ones, which are about the layout,
 * go along with the one before.
 */
export class UndoStack {
  #done = [];
  #undone = [];

  push(action) {
    this.#done.push(action);
    if (!action.silent || !this.redoesMaskAlone) this.#undone = [];
  }

  undo() {
    if (!this.canUndo) return;
    for (let action; (action = this.#done.pop()); ) {
      action.undo();
      this.#undone.push(action);
      if (!action.silent) return;
    }
  }

  redo() {
    let action = this.#undone.pop();
    if (!action) return;
    this.#redo(action);
    while (this.#undone.at(-1)?.silent) {
      action = this.#undone.pop();
      this.#redo(action);
    }
  }

  #redo(action) {
    action.redo();
    this.#done.push(action);
  }

  clear() {
    this.#done = [];
    this.#undone = [];
  }

  get canUndo() {
    return this.#done.some(({ silent }) => !silent);
  }

  get canRedo() {
    return this.#undone.length > 0;
  }

  /** Whether all that can be redone is about the mask, so that a silent action leaves it alone. */
  get redoesMaskAlone() {
    return this.#undone.every(({ ofMask }) => ofMask);
  }
}

/** Changes of layers that belong together, as one action. */
export function changeAction(changes) {
  return {
    undo: () => [...changes].reverse().forEach((change) => change.swap()),
    redo: () => changes.forEach((change) => change.swap()),
  };
}
