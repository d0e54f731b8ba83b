import type { Share } from '../../measure/share.ts';
import type { Policy } from '../../schema/validation.ts';
import type { Host } from '../host.ts';

/** How files are validated. Everything may be left out. */
export interface ValidateRequest extends Host {
  /** Only these rules or groups, such as `tensor/offset` or `header`. Default: all. */
  readonly rules?: readonly string[];
  /** What the project accepts, or the file that says it. Default: anything; no policy file is looked for. */
  readonly policy?: Policy | string;
  /** Whether the weights and the hash are checked too. Default: true. */
  readonly content?: boolean;
  /** The SHA-256 that the file must have, in hexadecimal; for one file alone. */
  readonly sha256?: string;
  /** Writes `FILE.manifest.json` beside each file without errors, or checks each file against its own. */
  readonly manifest?: 'write' | 'check';
  /** Whether each file is also loaded in a process of its own, where it decodes a token. Default: false. */
  readonly load?: boolean;
  /** Whether the report shows what each chat template makes of the conversations that apps have. Default: false. */
  readonly conformance?: boolean;
  /** The model that each file is to come from, a ref: its weights are quantized again and compared byte for byte. */
  readonly derivedFrom?: string;
  /** A phone, by name: what llama.rn there does not know, and what its backends have no kernels for. */
  readonly device?: string;
  /** The longest that a step of loading may take, in seconds. Default: {@link VALIDATE_DEFAULTS}. */
  readonly timeout?: number;
  /** Files at the same time. Default: as many as there are cores, and more of remote ones. */
  readonly jobs?: number;
  /** Which part of the files is checked. Default: all. */
  readonly shard?: Share;
  /** In the order of the refs, or each as soon as it is checked. Default: `refs`. */
  readonly order?: 'refs' | 'finished';
}

export const VALIDATE_DEFAULTS = { timeout: 300 } as const satisfies ValidateRequest;
