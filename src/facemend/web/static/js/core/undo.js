/**
 * What was done and can be taken back. An action is `{undo(), redo(), silent}`; silent ones, which are about the layout, go
 * along with the one before.
 */
export class UndoStack {
  #done = [];
  #undone = [];
  #meanwhile = []; // silent ones that came after an undo: what can be redone knows nothing of them

  push(action) {
    this.#meanwhile.push(action);
    if (action.silent && this.canRedo) return;
    this.#done.push(...this.#meanwhile.splice(0));
    this.#undone = [];
  }

  undo() {
    if (!this.canUndo) return;
    this.#dropMeanwhile();
    for (let action; (action = this.#done.pop()); ) {
      action.undo();
      this.#undone.push(action);
      if (!action.silent) return;
    }
  }

  redo() {
    if (!this.canRedo) return;
    this.#dropMeanwhile();
    do {
      const action = this.#undone.pop();
      action.redo();
      this.#done.push(action);
    } while (this.#undone.at(-1)?.silent);
  }

  #dropMeanwhile() {
    while (this.#meanwhile.length) this.#meanwhile.pop().undo();
  }

  clear() {
    this.#done = [];
    this.#undone = [];
    this.#meanwhile = [];
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
