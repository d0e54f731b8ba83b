/** A spread this small beside the mean is what rounding leaves of a constant. */
const CONSTANT_SPREAD = 1e-12;

/**
 * Mean and spread of a stream of numbers in constant memory, by Welford's recurrence (B. P. Welford, Technometrics 4
 * (1962), 419-420). Sums of squares minus squared sums, as llama-perplexity keeps them, cancel when the spread is
 * small beside the mean.
 */
export class Moments {
  #count = 0;
  #mean = 0;
  #squares = 0;

  add(value: number): void {
    this.#count += 1;
    const before = value - this.#mean;
    this.#mean += before / this.#count;
    this.#squares += before * (value - this.#mean);
  }

  get count(): number {
    return this.#count;
  }

  /** 0 before the first value. */
  get mean(): number {
    return this.#mean;
  }

  /**
   * Standard error of the mean: sqrt((E[x²] - E[x]²) / (n-1)), which is the sample standard deviation over sqrt(n).
   * 0 for fewer than two values.
   */
  get standardError(): number {
    if (this.#count < 2) return 0;
    return Math.sqrt(this.#squares / this.#count / (this.#count - 1));
  }
}

/** Covariance and correlation of a stream of pairs, by the same recurrence. */
export class Comoments {
  #count = 0;
  #meanX = 0;
  #meanY = 0;
  #squaresX = 0;
  #squaresY = 0;
  #products = 0;

  add(x: number, y: number): void {
    this.#count += 1;
    const beforeX = x - this.#meanX;
    const beforeY = y - this.#meanY;
    this.#meanX += beforeX / this.#count;
    this.#meanY += beforeY / this.#count;
    const afterY = y - this.#meanY;
    this.#squaresX += beforeX * (x - this.#meanX);
    this.#squaresY += beforeY * afterY;
    this.#products += beforeX * afterY;
  }

  /** Sample covariance (n-1); 0 for fewer than two pairs. */
  get covariance(): number {
    return this.#count < 2 ? 0 : this.#products / (this.#count - 1);
  }

  /**
   * Pearson's correlation, from -1 to 1; undefined for fewer than two pairs or when one side is constant up to
   * rounding, which would correlate noise.
   */
  get correlation(): number | undefined {
    if (this.#count < 2) return undefined;
    if (this.#isConstant(this.#squaresX, this.#meanX) || this.#isConstant(this.#squaresY, this.#meanY))
      return undefined;
    const scale = Math.sqrt(this.#squaresX) * Math.sqrt(this.#squaresY);
    return Math.max(-1, Math.min(1, this.#products / scale));
  }

  #isConstant(squares: number, mean: number): boolean {
    return Math.sqrt(squares / this.#count) <= CONSTANT_SPREAD * Math.abs(mean);
  }
}
