import type { Share } from '../../measure/share.ts';
import type { Host } from '../host.ts';

/** What mix is looked for. At most one of `like`, `size`, `bits` and `maxKld` says what is wanted; default: `like`. */
export interface MixRequest extends Host {
  /** A stock recipe: no larger than what it makes. */
  readonly like?: string;
  /** Bytes of the whole file. */
  readonly size?: number;
  /** Bits a weight, over all tensors. */
  readonly bits?: number;
  /** The smallest file whose mean KL divergence, on text that the choice did not see, is no more. */
  readonly maxKld?: number;
  /** A phone by its id, name or alias: only types that it runs fast, within what it gives an app. */
  readonly device?: string;
  /** Tokens a second that the phone must generate, as predicted. */
  readonly minTps?: number;
  /** Tensor types to choose among. Default: all that can be made. */
  readonly types?: readonly string[];
  /** Takes a source that is quantized already. What is made loses twice. */
  readonly allowRequantize?: boolean;
  /** Path of an importance matrix, used for the mix and for the stock recipes alike. */
  readonly imatrix?: string;
  /** Path of the text that types are chosen on. Default: one that comes with the package, by model. */
  readonly text?: string;
  /** Path of the text that the result is measured on. Default: one that comes with the package, by model. */
  readonly testText?: string;
  /** Chunks of the text of the choice. Default: 2, of small models 12. */
  readonly chunks?: number;
  /** Chunks of the other text. Default: 8, of small models 29. */
  readonly testChunks?: number;
  /** Tokens in a chunk. */
  readonly context?: number;
  /** Path of the file. Default: beside a local source, `NAME-mix-RECIPE.gguf`. */
  readonly out?: string;
  readonly force?: boolean;
  /** Goes on with the losses that a run before has kept beside the file. */
  readonly resume?: boolean;
  /** Paths of journals of other runs or shares: what they measured is not measured again. */
  readonly measured?: readonly string[];
  /** Measures this share of all losses, keeps them in a journal, and chooses nothing. */
  readonly shard?: Share;
  /** Writes a mix that is no better than the stock recipe, too. */
  readonly always?: boolean;
  readonly threads?: number;
  /** Seconds that any one step may take. */
  readonly timeout?: number;
}

export const MIX_DEFAULTS = { like: 'Q4_K_M', context: 512, timeout: 3600 } as const satisfies MixRequest;
