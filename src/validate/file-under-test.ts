import {
  type FileIdentity,
  fileIdentity,
  type GgufHeader,
  getNumber,
  getString,
  type HeaderScan,
  type MetadataValue,
  type TensorInfo,
  type TensorType,
} from '../gguf/index.ts';
import type { PhoneBackend } from '../schema/terms.ts';
import type { Policy } from '../schema/validation.ts';
import type { ContentReport } from './content-report.ts';
import type { DerivedFrom } from './derived-from.ts';
import type { TemplateReport } from './template-report.ts';

/** The other files of a sharded model, with what was read of them; null where one is absent. */
export interface Sibling {
  readonly name: string;
  readonly scan: HeaderScan | null;
}

/** What a manifest says of one file. */
export interface ManifestEntry {
  readonly bytes: number;
  readonly sha256: string;
  /** SHA-256 of all that stands before the first tensor. */
  readonly headerSha256: string;
  readonly tensors: readonly { readonly name: string; readonly sha256: string }[];
}

/** What became of loading the file in a child process. */
export type LoadOutcome =
  | {
      readonly status: 'ok' /** What the engine warned of in its log. */;
      readonly warnings: readonly string[];
    }
  | { readonly status: 'failed' | 'crashed' | 'timeout' | 'not-finite'; readonly reason: string };

/** Where a file came from: the Hub, by its listing or by a snapshot in the cache, or an address. */
export type Origin =
  | {
      readonly kind: 'hub';
      readonly repo: string;
      readonly commit: string;
      /** The name of its blob: the SHA-256 that the Hub states, where it is one. */
      readonly objectId: string | null;
      /** As the listing has it; null where only the cache was looked at. */
      readonly sizeBytes: number | null;
    }
  | {
      readonly kind: 'url';
      readonly url: string;
      /** Of what was fetched from there before; null for what is still there alone. */
      readonly sha256: string | null;
    };

/** The SHA-256 that the Hub states for a file; undefined for a file of git's, and for any that is not from there. */
export function statedSha256(origin: Origin | null): string | undefined {
  const id = origin?.kind === 'hub' ? origin.objectId : null;
  return id !== null && /^[0-9a-f]{64}$/.test(id) ? id : undefined;
}

/** What the app on a phone makes of a file: llama.rn there, and the phone's backends. */
export interface PhoneFacts {
  readonly name: string;
  /** The version. */
  readonly llamaRn: string;
  /** What the file needs and llama.rn does not know, in words. */
  readonly unknown: readonly string[];
  readonly backends: readonly {
    readonly backend: PhoneBackend;
    /** Types of matrices that it leaves to the CPU. */
    readonly onCpu: readonly TensorType[];
    /** Types that it takes without a kernel: the process ends. */
    readonly aborts: readonly TensorType[];
  }[];
}

/** What is known of one file at least. */
interface HeaderFacts {
  /** The file's name without folders. */
  readonly name: string;
  /** The whole file's length. */
  readonly fileBytes: number;
  readonly scan: HeaderScan;
}

/** All that is known of one file. A part that was not looked at is null, and its rules say nothing. */
export interface FileFacts extends HeaderFacts {
  readonly content: ContentReport | null;
  /** By metadata key. */
  readonly templates: ReadonlyMap<string, TemplateReport>;
  /** All files of the set this one belongs to, itself included, in order; null for a file of its own. */
  readonly shards: readonly Sibling[] | null;
  readonly origin: Origin | null;
  readonly expectedSha256: string | null;
  readonly manifest: ManifestEntry | 'absent' | null;
  readonly headerSha256: string | null;
  readonly policy: Policy | null;
  readonly load: LoadOutcome | null;
  /** Where behind its tensors the file has another GGUF header; null where it has none. */
  readonly joinedAt: number | null;
  /** Compared with its base; null where nobody named one. */
  readonly derivedFrom: DerivedFrom | null;
  /** Null where no phone was named. */
  readonly phone: PhoneFacts | null;
}

/** Facts of which those that were not looked at may be left out. */
export type KnownFacts = HeaderFacts & Partial<FileFacts>;

const NOTHING_MORE: Omit<FileFacts, keyof HeaderFacts> = {
  content: null,
  templates: new Map(),
  shards: null,
  origin: null,
  expectedSha256: null,
  manifest: null,
  headerSha256: null,
  policy: null,
  load: null,
  joinedAt: null,
  derivedFrom: null,
  phone: null,
};

/** What the rules see: the facts, and views of the header that several rules share. */
export interface FileUnderTest extends FileFacts {
  /** The header, where its end was reached: rules about meaning need all of it. */
  readonly header: GgufHeader | null;
  /** Tensors of the whole model: of all shards for a first shard. */
  readonly tensors: readonly TensorInfo[];
  /** Whether the tensor list can be relied on: no tensor was unreadable and no shard is absent. */
  readonly tensorsAreComplete: boolean;
  readonly kind: JudgedAs;
  /** What it is, by its content. */
  readonly identity: FileIdentity;
  readonly architecture: string | undefined;
  /** `value('block_count')` is the value of `phi3.block_count`. */
  readonly value: (suffix: string) => MetadataValue | undefined;
  readonly offsetOf: (key: string) => number | undefined;
}

/**
 * How the rules take it. `model`: weights to run; `vocabulary`: a tokenizer without weights; `later-shard`: weights
 * without metadata; `companion`: projector, adapter, control vector, importance matrix; `other`: something else.
 */
type JudgedAs = 'model' | 'vocabulary' | 'later-shard' | 'companion' | 'other';

/** Prepares the facts of a file for the rules. */
export function fileUnderTest(known: KnownFacts): FileUnderTest {
  const facts: FileFacts = { ...NOTHING_MORE, ...known };
  const { scan, shards } = facts;
  const header = scan.header;
  const identity = fileIdentity(scan);
  const architecture = getString(scan, 'general.architecture');
  const isFirstOfSet = shards !== null && (getNumber(scan, 'split.no') ?? 0) === 0;
  const parts = isFirstOfSet ? shards.map((sibling) => sibling.scan) : [scan];
  const readable = parts.filter((part) => part !== null && part.header !== null) as HeaderScan[];
  return {
    ...facts,
    header,
    architecture,
    tensors: readable.flatMap((part) => part.tensors),
    tensorsAreComplete:
      readable.length === parts.length &&
      facts.joinedAt === null &&
      !readable.some(({ issues }) =>
        issues.some(
          ({ code, severity }) =>
            severity === 'error' && code.startsWith('tensor/') && code !== 'tensor/offset',
        ),
      ),
    kind: kindOf(scan, identity),
    identity,
    value: (suffix) =>
      architecture === undefined ? undefined : scan.metadata.get(`${architecture}.${suffix}`),
    offsetOf: (key) => header?.keyOffsets.get(key),
  };
}

function kindOf(scan: HeaderScan, { kind }: FileIdentity): JudgedAs {
  switch (kind) {
    case 'adapter':
    case 'projector':
    case 'control-vector':
    case 'imatrix':
      return 'companion';
    case 'shard':
      // A first shard may hold metadata alone.
      return (getNumber(scan, 'split.no') ?? 0) > 0 ? 'later-shard' : 'model';
    case 'ollama':
      return 'other';
    case 'other':
      return (getString(scan, 'general.type') ?? 'model') === 'model' && hasVocabulary(scan)
        ? 'model'
        : 'other';
    case 'model':
    case 'vocabulary':
      return kind;
  }
}

function hasVocabulary({ metadata }: HeaderScan): boolean {
  return metadata.has('tokenizer.ggml.model') || metadata.has('tokenizer.ggml.tokens');
}
