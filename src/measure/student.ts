import { gammaln } from 'simple-statistics';

/**
 * P(|T| ≥ t) of Student's distribution, as the regularized incomplete beta function I_x(df/2, 1/2) at
 * x = df / (df + t²) (Abramowitz and Stegun, 26.7.1 and 26.5.27).
 */
export function studentTwoSided(t: number, degrees: number): number {
  const squared = t * t;
  return regularizedBeta(degrees / (degrees + squared), squared / (degrees + squared), degrees / 2, 0.5);
}

/** @param y 1 - x, as the caller has it without cancellation */
function regularizedBeta(x: number, y: number, a: number, b: number): number {
  if (x <= 0) return 0;
  if (y <= 0) return 1;
  const front = Math.exp(
    gammaln(a + b) - gammaln(a) - gammaln(b) + a * (x < 0.5 ? Math.log(x) : Math.log1p(-y)) + b * Math.log(y),
  );
  // The fraction converges quickly on this side of the mean only; the other side is its complement.
  return x < (a + 1) / (a + b + 2)
    ? (front * betaFraction(x, a, b)) / a
    : 1 - (front * betaFraction(y, b, a)) / b;
}

const MOST_TERMS = 500;
/** Stands in for 0 in a denominator. */
const TINY = 1e-300;

/** The continued fraction 26.5.8 of Abramowitz and Stegun, by Lentz's method. */
function betaFraction(x: number, a: number, b: number): number {
  let c = 1;
  let d = 1 / orTiny(1 - ((a + b) * x) / (a + 1));
  let fraction = d;
  for (let m = 1; m <= MOST_TERMS; m++) {
    const even = (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m));
    const odd = (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1));
    let step = 1;
    for (const term of [even, odd]) {
      d = 1 / orTiny(1 + term * d);
      c = orTiny(1 + term / c);
      step = c * d;
      fraction *= step;
    }
    if (Math.abs(step - 1) < Number.EPSILON) break;
  }
  return fraction;
}

function orTiny(value: number): number {
  return Math.abs(value) < TINY ? TINY : value;
}
