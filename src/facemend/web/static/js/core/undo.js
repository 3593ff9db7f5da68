/** What was done and can be taken back. An action is `{undo(), redo(), silent}`; silent ones go along with the one before. */
export class UndoStack {
  #done = [];
  #undone = [];

  push(action) {
    this.#done.push(action);
    this.#undone = [];
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
}

/** Changes of layers that belong together, as one action. */
export function changeAction(changes) {
  return {
    undo: () => [...changes].reverse().forEach((change) => change.swap()),
    redo: () => changes.forEach((change) => change.swap()),
  };
}
