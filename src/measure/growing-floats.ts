const FIRST_CAPACITY = 8192;

/** A list of numbers at 8 bytes each, for one value a scored position of a long text. */
export class GrowingFloats {
  #values = new Float64Array(FIRST_CAPACITY);
  #length = 0;

  push(value: number): void {
    if (this.#length === this.#values.length) {
      const larger = new Float64Array(2 * this.#length);
      larger.set(this.#values);
      this.#values = larger;
    }
    this.#values[this.#length] = value;
    this.#length += 1;
  }

  /** A copy in rising order. */
  sorted(): Float64Array {
    return this.#values.slice(0, this.#length).sort();
  }
}
