import type { TensorType } from '../gguf/tensor-types.ts';
import type { Backend, FittedBackend } from './cost-terms.ts';
import type { ModelShape } from './model-shape.ts';

/** Factors on a predicted speed that hold nine of ten measurements of a model that the fit has not seen. */
export interface Interval {
  readonly low: number;
  readonly high: number;
}

/** Milliseconds for a unit of each term of `cost-terms.ts`: GB of weights or keys, 10^9 elements, tokens. */
export type Costs = Readonly<Record<string, number>>;

export interface PhaseCosts {
  readonly costs: Costs;
  readonly interval: Interval;
  /** Of the speed, with each model left out in turn. */
  readonly medianError: number;
}

/** One phone and backend that was measured. */
export interface FittedCosts {
  readonly generation: PhaseCosts;
  readonly prompt: PhaseCosts;
}

/** What `bench/fit-speed-model.ts` writes. */
export interface SpeedModel {
  readonly fitted: Readonly<Record<string, Readonly<Partial<Record<FittedBackend, FittedCosts>>>>>;
  /** For phones that were not measured: costs at a memory bandwidth of 1 GB/s; the interval is from leaving a phone out. */
  readonly perBandwidth: Readonly<Record<FittedBackend, FittedCosts>>;
  /** Metal: the share of the memory's bandwidth that generation reached, and prompt elements a second for each GPU core. */
  readonly metal: {
    readonly bandwidthShare: number;
    readonly interval: Interval;
    readonly rows: number;
    readonly promptElementsPerSecondPerCore: number;
    readonly promptRows: number;
  };
}

/** A row that a user's own phone measured (`kit check --learn`); the model is told by its shape. */
export interface LearnedRow {
  /** A device's id. */
  readonly device: string;
  readonly backend: Backend;
  readonly model: string;
  readonly label: string;
  readonly shape: ModelShape;
  readonly tensorBytes: number;
  readonly mainType: TensorType;
  readonly promptTps: number;
  readonly generationTps: number;
  /** ISO 8601. */
  readonly measuredAt: string;
}

/** A row that somebody measured on a phone. */
export interface MeasuredRow {
  readonly device: string;
  readonly backend: 'cpu' | 'opencl' | 'hexagon' | 'metal';
  readonly model: string;
  readonly label: string;
  readonly promptTps: number | null;
  readonly generationTps: number;
  /** Of the tensors, and the type that most of the layers are in: what tells two files of a shape apart. */
  readonly tensorBytes: number;
  readonly mainType: TensorType;
  readonly source: string;
}
