/** Numbers by the value they were pushed with, least first; of equal ones the first pushed. */
export class Heap {
  #items = [];
  #values = [];
  #orders = [];
  #pushed = 0;

  get size() {
    return this.#items.length;
  }

  push(item, value) {
    let i = this.#items.length;
    this.#put(i, item, value, this.#pushed++);
    for (let parent; i > 0 && this.#isBefore(i, (parent = (i - 1) >> 1)); i = parent) this.#swap(i, parent);
  }

  pop() {
    const item = this.#items[0];
    this.#swap(0, this.#items.length - 1);
    for (const list of [this.#items, this.#values, this.#orders]) list.pop();
    for (let i = 0; ; ) {
      let least = i;
      for (let child = 2 * i + 1; child <= 2 * i + 2; child++) if (child < this.#items.length && this.#isBefore(child, least)) least = child;
      if (least === i) return item;
      this.#swap(i, least);
      i = least;
    }
  }

  #isBefore(a, b) {
    const apart = this.#values[a] - this.#values[b];
    return apart < 0 || (apart === 0 && this.#orders[a] < this.#orders[b]);
  }

  #put(i, item, value, order) {
    this.#items[i] = item;
    this.#values[i] = value;
    this.#orders[i] = order;
  }

  #swap(a, b) {
    const item = this.#items[a];
    const value = this.#values[a];
    const order = this.#orders[a];
    this.#put(a, this.#items[b], this.#values[b], this.#orders[b]);
    this.#put(b, item, value, order);
  }
}
