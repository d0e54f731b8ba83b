import type { Host } from '../host.ts';

/** What mix is looked for. One of `like` and `size` says how large the file may be. */
export interface MixRequest extends Host {
  /** A stock recipe: no larger than what it makes. */
  readonly like?: string;
  /** Bytes of the whole file. */
  readonly size?: number;
  /** Path of an importance matrix, used for the mix and for the stock recipe alike. */
  readonly imatrix?: string;
  /** Path of the text that types are chosen on. Default: one that comes with the package, by model. */
  readonly text?: string;
  /** Path of the text that the result is measured on. Default: one that comes with the package, by model. */
  readonly testText?: string;
  /** Chunks of the text of the choice. Default: 2, of small models more. */
  readonly chunks?: number;
  /** Chunks of the other text. Default: as many, at most 16. */
  readonly testChunks?: number;
  /** Tokens in a chunk. */
  readonly context?: number;
  /** Path of the file. Default: beside a local source, `NAME-mix-RECIPE.gguf`. */
  readonly out?: string;
  readonly force?: boolean;
  /** Writes a mix that is no better than the stock recipe, too. */
  readonly always?: boolean;
  readonly threads?: number;
  /** Seconds that any one step may take. */
  readonly timeout?: number;
}

export const MIX_DEFAULTS = { like: 'Q4_K_M', context: 512, timeout: 3600 } as const satisfies MixRequest;
