import type { EngineSession } from '../../engine/index.ts';
import type { Model, ModelHeader } from '../../model/model.ts';
import type { Host } from '../host.ts';
import type { Settings } from '../quantize/settings.ts';
import type { MixPaths } from './files.ts';
import type { Goal } from './goal.ts';
import type { MixRequest } from './request.ts';
import type { Stock } from './stock.ts';

export type FilledRequest = MixRequest & { readonly context: number; readonly timeout: number };

/** What a run works with, from the first check to the last file. */
export interface Workplace {
  readonly session: EngineSession;
  readonly model: Model;
  readonly source: ModelHeader;
  readonly settings: Settings;
  readonly request: FilledRequest;
  readonly host: Required<Host>;
  readonly goal: Goal;
  readonly paths: MixPaths;
  readonly scratch: string;
  /** Whose types say which tensors are quantized at all. */
  readonly stock: Stock;
  readonly budgetBytes: number | null;
}
