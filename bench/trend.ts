import { linearRegression } from 'simple-statistics';

export interface Trend {
  /** Growth for each step, by least squares. */
  readonly slope: number;
  /** Two standard errors of it: some 95 % of the chance of being off. */
  readonly margin: number;
}

/** The straight line through the later half of a series, where what is loaded or warmed once has been. */
export function laterTrend(series: readonly number[]): Trend {
  const points = series.map((value, index) => [index, value]).slice(Math.floor(series.length / 2));
  const { m, b } = linearRegression(points);
  const residual = points.reduce((sum, [x = 0, y = 0]) => sum + (y - b - m * x) ** 2, 0);
  const meanX = points.reduce((sum, [x = 0]) => sum + x, 0) / points.length;
  const spread = points.reduce((sum, [x = 0]) => sum + (x - meanX) ** 2, 0);
  return { slope: m, margin: 2 * Math.sqrt(residual / (points.length - 2) / spread) };
}

/** What a trend says of growth that would matter, in the same unit for each step. */
export function verdictOf({ slope, margin }: Trend, largest: number): 'flat' | 'grows' | 'undecided' {
  if (slope + margin < largest) return 'flat';
  return slope - margin > 0 ? 'grows' : 'undecided';
}
