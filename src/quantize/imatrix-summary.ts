import { type Imatrix, type ImatrixEntry, importanceOf } from './imatrix-file.ts';

/** A matrix, and how strongly its inputs were used. */
export interface MatrixUse {
  readonly name: string;
  /** Of its inputs, over tokens and columns. */
  readonly meanSquare: number;
  /** Of the sum of these over all matrices. */
  readonly share: number;
}

/** What an importance matrix says, and what it leaves open. */
export interface ImatrixSummary {
  readonly datasets: string[];
  readonly chunks: number;
  readonly chunkSize: number;
  readonly weights: number;
  /** Matrices that some token reached, as a fraction; of experts each counts. */
  readonly coverage: number;
  /** Matrices that no token reached. */
  readonly empty: string[];
  /** Matrices of which some experts were reached and others not. */
  readonly partial: { readonly name: string; readonly reached: number; readonly experts: number }[];
  readonly strongest: MatrixUse[];
  readonly weakest: MatrixUse[];
}

const SHOWN_MATRICES = 5;

export function summarizeImatrix({
  datasets,
  chunks,
  chunkSize,
  entries,
}: Omit<Imatrix, 'isLegacy'>): ImatrixSummary {
  const reached = entries.map(({ name, counts }) => ({
    name,
    reached: counts.filter((count) => count > 0).length,
    experts: counts.length,
  }));
  const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
  const used = entries
    .map((entry) => ({ name: entry.name, meanSquare: meanSquareOf(entry) }))
    .filter((use): use is { name: string; meanSquare: number } => use.meanSquare !== null);
  const total = sum(used.map(({ meanSquare }) => meanSquare));
  const ranked = used
    .map((use) => ({ ...use, share: total === 0 ? 0 : use.meanSquare / total }))
    .sort((a, b) => b.meanSquare - a.meanSquare);
  return {
    datasets: [...datasets],
    chunks,
    chunkSize,
    weights: entries.length,
    coverage:
      sum(reached.map((each) => each.reached)) / Math.max(1, sum(reached.map((each) => each.experts))),
    empty: reached.filter((each) => each.reached === 0).map(({ name }) => name),
    partial: reached.filter((each) => each.reached > 0 && each.reached < each.experts),
    strongest: ranked.slice(0, SHOWN_MATRICES),
    weakest: ranked.slice(SHOWN_MATRICES).slice(-SHOWN_MATRICES).reverse(),
  };
}

/** null where no token was summed. */
function meanSquareOf({ sums, counts }: ImatrixEntry): number | null {
  const tokens = counts.reduce((total, count) => total + count, 0);
  if (tokens === 0) return null;
  const columns = sums.length / counts.length;
  return sums.reduce((total, value) => total + value, 0) / tokens / columns;
}

export interface Distance {
  readonly name: string;
  /** Root of the sum of (a - b)² over that of a²; null where a is zero throughout. */
  readonly relativeRmse: number | null;
  readonly cosine: number | null;
}

/** How far two importance matrices of one model are from each other. */
export interface ImatrixDifference {
  readonly onlyInA: string[];
  readonly onlyInB: string[];
  /** Of both, but not of one size. */
  readonly reshaped: string[];
  /** Of mean squares by column, b against a; the farthest first. */
  readonly matrices: Distance[];
}

/** Compares mean squares, so that files of different lengths of text are alike where the text is. */
export function compareImatrices(a: Imatrix, b: Imatrix): ImatrixDifference {
  const [first, second] = [byName(a), byName(b)];
  const both = [...first].flatMap(([name, values]) => {
    const others = second.get(name);
    return others === undefined ? [] : [{ name, values, others }];
  });
  const isAlike = ({ values, others }: (typeof both)[number]) => values.length === others.length;
  return {
    onlyInA: [...first.keys()].filter((name) => !second.has(name)),
    onlyInB: [...second.keys()].filter((name) => !first.has(name)),
    reshaped: both.filter((each) => !isAlike(each)).map(({ name }) => name),
    matrices: both
      .filter(isAlike)
      .map(({ name, values, others }) => ({ name, ...distance(values, others) }))
      .sort(
        (x, y) => (y.relativeRmse ?? Number.POSITIVE_INFINITY) - (x.relativeRmse ?? Number.POSITIVE_INFINITY),
      ),
  };
}

function byName(imatrix: Imatrix): Map<string, Float32Array> {
  return new Map(importanceOf(imatrix).map(({ name, values }) => [name, values]));
}

function distance(a: Float32Array, b: Float32Array): Omit<Distance, 'name'> {
  let [aa, bb, ab, errors] = [0, 0, 0, 0];
  for (const [index, x] of a.entries()) {
    const y = b[index] ?? 0;
    aa += x * x;
    bb += y * y;
    ab += x * y;
    errors += (x - y) ** 2;
  }
  return {
    relativeRmse: aa === 0 ? null : Math.sqrt(errors / aa),
    cosine: aa === 0 || bb === 0 ? null : Math.min(1, ab / Math.sqrt(aa * bb)),
  };
}
