/** What either side is asked and what it answers. */

export interface SpeedRequest {
  readonly file: string;
  readonly threads: number;
  readonly repetitions: number;
  readonly promptTokens: number;
  readonly generationTokens: number;
}

export interface SpeedAnswer {
  /** Tokens per second of each repetition. */
  readonly prompt: readonly number[];
  readonly generation: readonly number[];
  /** Of the process that held the model. */
  readonly peakBytes: number | null;
}

export interface TextRequest {
  readonly file: string;
  readonly text: string;
  readonly contextSize: number;
  readonly chunks: number;
  readonly threads: number;
}

export interface PerplexityAnswer {
  readonly perplexity: number;
  /** Whole processes. */
  readonly wallMs: number;
  readonly peakBytes: number | null;
}

export interface DivergenceRequest extends TextRequest {
  readonly reference: string;
}

/** Statistics of a divergence that both sides print. */
export const STATISTICS = {
  'mean KLD': 'nats',
  'median KLD': 'nats',
  '90 % KLD': 'nats',
  '99 % KLD': 'nats',
  '99.9 % KLD': 'nats',
  'maximum KLD': 'nats',
  'mean Δp': 'percent',
  'RMS Δp': 'percent',
  'same top token': 'percent',
  'ln PPL ratio': 'nats',
  perplexity: 'perplexity',
} as const;
export type Statistics = Readonly<Record<keyof typeof STATISTICS, number>>;

export interface DivergenceAnswer {
  readonly statistics: Statistics;
  /** Of the reference's pass and the candidate's together. */
  readonly wallMs: number;
  readonly peakBytes: number | null;
}

/** One way to measure: quantscope, or a build of llama.cpp's tools. */
export interface Side {
  readonly name: string;
  speed(request: SpeedRequest): Promise<SpeedAnswer>;
  perplexity(request: TextRequest): Promise<PerplexityAnswer>;
  divergence(request: DivergenceRequest): Promise<DivergenceAnswer>;
  /** Writes what the reference says to `base`, in llama-perplexity's form. */
  writeBase(request: DivergenceRequest, base: string): Promise<void>;
  /** Compares with such a file, whichever side wrote it. */
  againstBase(request: DivergenceRequest, base: string): Promise<DivergenceAnswer>;
}

export function largest(...values: readonly (number | null)[]): number | null {
  const known = values.filter((value) => value !== null);
  return known.length === 0 ? null : Math.max(...known);
}
