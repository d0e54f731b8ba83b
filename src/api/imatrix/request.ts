import type { Host } from '../host.ts';
import { ENGINE_DEFAULTS, type EngineRequest } from '../request.ts';

/** What an importance matrix is taken from. */
export interface ImatrixRequest extends Host, Omit<EngineRequest, 'threads'> {
  /** Paths of texts, read one after another. Default: a text that comes with the package, by model. */
  readonly text?: readonly string[];
  /** The first chunks of each text alone. Default: all. */
  readonly chunks?: number;
  /** Tokens in a chunk, as llama-imatrix's `-c`. */
  readonly context?: number;
  /** Path of the file. */
  readonly out?: string;
  /** Goes on with the chunks that a file at that path lacks. */
  readonly resume?: boolean;
  readonly force?: boolean;
  /** Default: llama.cpp's own choice. */
  readonly threads?: number;
}

export const IMATRIX_DEFAULTS = {
  ...ENGINE_DEFAULTS,
  context: 512,
  out: 'imatrix.gguf',
} as const satisfies ImatrixRequest;
