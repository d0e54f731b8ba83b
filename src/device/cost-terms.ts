import type { FittedBackend } from '../schema/phone-data.ts';
import { multiplied } from './kernels.ts';
import type { MatrixShare, Workload } from './workload.ts';

/** A model's work in the units that a cost is paid for; the sum of amount × cost is a time in milliseconds. */
export type CostTerms = ReadonlyMap<string, number>;

/** A type without a cost of its own has that of its kind: `own.TQ1_0` that of `own`. */
export function costMs(terms: CostTerms, costs: Readonly<Record<string, number>>): number {
  let ms = 0;
  for (const [name, amount] of terms) ms += amount * (costs[name] ?? costs[name.replace(/\..*/, '')] ?? 0);
  return ms;
}

type Accelerator = Exclude<FittedBackend, 'cpu'>;

/** Q8_0 has Adreno's own layout below this many elements (enable_adreno_trans_weight of ggml-opencl.cpp). */
const ADRENO_ELEMENTS = 2 ** 27;
const GIGA = 1e9;

/** One token: bytes of weights by who reads them, bytes of keys and values, operations. `depth` in tokens. */
export function generationTerms(work: Workload, backend: FittedBackend, depth: number): CostTerms {
  const terms = overheadTerms(work);
  for (const matrices of work.matrices) addMatrices(terms, matrices, backend, matrices.bytes);
  if (backend !== 'cpu') add(terms, 'handover', handovers(work, backend, true) / 100);
  // Launches are queued while the GPU works; where it waits for the CPU in each layer, each is waited for.
  if (backend === 'opencl')
    add(
      terms,
      'exposed',
      (work.operations / 100) * Math.min(1, handovers(work, backend, false) / work.layers),
    );
  // OpenCL has a kernel for it.
  else add(terms, 'capped', work.cappedLogits / 1e6);
  add(terms, 'kv', (work.kvBytesPerToken * depth) / GIGA);
  return terms;
}

/** One token of a prompt of `tokens`: multiplications instead of bytes, and no output matrix: only the last token asks. */
export function promptTerms(work: Workload, backend: FittedBackend, tokens: number): CostTerms {
  const terms = overheadTerms(work);
  for (const matrices of work.matrices) {
    if (matrices.isOutput) continue;
    addMatrices(terms, matrices, backend, matrices.elements);
    // Without Adreno's kernels each is a vector's multiplication for each token of the batch.
    if (backend === 'opencl' && multiplied('opencl', matrices.type))
      add(terms, 'narrow', matrices.narrowElements / GIGA);
  }
  if (backend !== 'cpu') add(terms, 'handover', handovers(work, backend, false) / 100);
  add(terms, 'kv', (work.attentionElements * (tokens / 2)) / GIGA);
  return terms;
}

/** The cost of a type by the name that its coefficient has: `cpu.Q2_K` on an accelerator that hands it back. */
function addMatrices(
  terms: Map<string, number>,
  matrices: MatrixShare,
  backend: FittedBackend,
  amount: number,
): void {
  const { type, isOutput, largestElements } = matrices;
  if (backend === 'cpu' || isRefused(matrices, backend)) {
    add(terms, `cpu.${type}`, amount / GIGA);
    return;
  }
  if (backend !== 'opencl' || !isOutput || (type === 'Q8_0' && largestElements < ADRENO_ELEMENTS)) {
    add(terms, `own.${type}`, amount / GIGA);
    return;
  }
  add(terms, `oversized.${type}`, amount / GIGA);
  // Adreno's kernels for the others read down the columns, a page of memory at each step (gemv_noshuffle_*.cl).
  if (type !== 'Q8_0') add(terms, 'pages', (amount / GIGA) * (largestElements / 2 ** 28));
}

function isRefused({ type, isOutput, rows }: MatrixShare, backend: Accelerator): boolean {
  return !multiplied(backend, type, isOutput ? rows : 0);
}

/**
 * Waits for the other processor. Every matrix that OpenCL hands back has its result copied to the GPU's memory; the
 * DSP shares the CPU's (rpcmem), and one change of processor serves all matrices of a stage.
 */
function handovers(work: Workload, backend: Accelerator, withOutput: boolean): number {
  const refused = work.matrices.filter(
    (matrices) => isRefused(matrices, backend) && (withOutput || !matrices.isOutput),
  );
  if (backend === 'opencl') return refused.reduce((sum, { matrices }) => sum + matrices, 0);
  const stages = work.stages.filter(({ types }) => types.some((type) => !multiplied('hexagon', type)));
  return (
    stages.reduce((sum, { count }) => sum + count, 0) + (refused.some(({ isOutput }) => isOutput) ? 1 : 0)
  );
}

function overheadTerms(work: Workload): Map<string, number> {
  return new Map([
    ['token', 1],
    ['operations', work.operations / 100],
    ['recurrent', work.recurrentLayers],
  ]);
}

function add(terms: Map<string, number>, name: string, amount: number): void {
  if (amount > 0) terms.set(name, (terms.get(name) ?? 0) + amount);
}

/** Bytes of weights and cache that generating one token reads at that depth. */
export function bytesPerToken(work: Workload, depth: number): number {
  return work.matrices.reduce((sum, { bytes }) => sum + bytes, 0) + work.kvBytesPerToken * depth;
}

/** Elements that one token of a prompt is multiplied with. */
export function elementsPerToken(work: Workload): number {
  return work.matrices.reduce((sum, { isOutput, elements }) => sum + (isOutput ? 0 : elements), 0);
}
