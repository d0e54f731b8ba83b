import type { HeaderScan } from './header-parser.ts';
import { getBoolean, getNumber, getString, getStrings, type HasMetadata } from './metadata.ts';

/**
 * What a GGUF file is, by its content. `shard`: one of several files of a model; `ollama`: a model in a layout that
 * Ollama’s own engine alone reads; `other`: a container of something else.
 */
export type FileKind =
  | 'model'
  | 'vocabulary'
  | 'shard'
  | 'adapter'
  | 'projector'
  | 'control-vector'
  | 'imatrix'
  | 'ollama'
  | 'other';

export interface FileIdentity {
  readonly kind: FileKind;
  /** With an article: `a LoRA adapter for llama`. */
  readonly what: string;
  /** What to do with it, a sentence; null for a model, with which everything can be done. */
  readonly use: string | null;
}

type Scanned = Pick<HeaderScan, 'metadata' | 'tensors'>;

/** What a file is. The beginning of a header is enough for all but models and vocabularies. */
export function fileIdentity(scan: Scanned): FileIdentity {
  const type = getString(scan, 'general.type');
  const architecture = getString(scan, 'general.architecture');
  const parts = getNumber(scan, 'split.count') ?? 1;
  if (type === 'adapter') return adapter(scan, architecture);
  if (architecture === 'clip' || type === 'mmproj') return projector(scan);
  if (architecture === 'controlvector') return controlVector(scan);
  if (type === 'imatrix' || isOldImatrix(scan)) return imatrix(scan);
  const ollama = ollamaLayout(scan, architecture);
  if (ollama !== null) return ollama;
  if (parts > 1) return shard(getNumber(scan, 'split.no') ?? 0, parts);
  if (type !== undefined && type !== 'model') {
    return {
      kind: 'other',
      what: `a file of type ${JSON.stringify(type)}`,
      use: 'Read what it is for where it came from.',
    };
  }
  const hasWeights = scan.tensors.some(({ name }) => name.startsWith('blk.') || name === 'token_embd.weight');
  if (hasWeights)
    return { kind: 'model', what: `a model of the architecture ${architecture ?? 'unknown'}`, use: null };
  const hasVocabulary =
    scan.metadata.has('tokenizer.ggml.model') || scan.metadata.has('tokenizer.ggml.tokens');
  if (hasVocabulary && scan.tensors.length === 0) {
    return {
      kind: 'vocabulary',
      what: 'a vocabulary without weights',
      use: 'It serves to test a tokenizer; to chat, take a file with weights.',
    };
  }
  return { kind: 'other', what: 'a container of other tensors than a language model’s', use: null };
}

/** Whether a file stands beside a model and is none itself. */
export function isCompanion({ kind }: FileIdentity): boolean {
  return kind === 'adapter' || kind === 'projector' || kind === 'control-vector' || kind === 'imatrix';
}

function adapter(scan: HasMetadata, architecture: string | undefined): FileIdentity {
  const isLora = (getString(scan, 'adapter.type') ?? 'lora') === 'lora';
  const name = isLora ? 'a LoRA adapter' : `an adapter of type ${getString(scan, 'adapter.type')}`;
  return {
    kind: 'adapter',
    what: architecture === undefined ? name : `${name} for a model of the architecture ${architecture}`,
    use: 'Load it beside its base model: llama.cpp’s --lora FILE.',
  };
}

function projector(scan: HasMetadata): FileIdentity {
  const seen = [
    ...(getBoolean(scan, 'clip.has_vision_encoder') === true ? ['images'] : []),
    ...(getBoolean(scan, 'clip.has_audio_encoder') === true ? ['sound'] : []),
  ];
  const type = getString(scan, 'clip.projector_type') ?? getString(scan, 'clip.vision.projector_type');
  return {
    kind: 'projector',
    what: `a projector (mmproj) for ${seen.join(' and ') || 'images'}${type === undefined ? '' : ` of type ${type}`}`,
    use: 'Load it beside its language model, in an app that takes more than text.',
  };
}

function controlVector(scan: Scanned): FileIdentity {
  const hint = getString(scan, 'controlvector.model_hint');
  const layers = scan.tensors.length;
  const size = layers === 0 ? '' : `, of ${layers} layers`;
  return {
    kind: 'control-vector',
    what: `a control vector${hint === undefined ? '' : ` for a model of the architecture ${hint}`}${size}`,
    use: 'Load it beside its model: llama.cpp’s --control-vector FILE.',
  };
}

function imatrix(scan: HasMetadata): FileIdentity {
  const datasets = getStrings(scan, 'imatrix.datasets') ?? [];
  return {
    kind: 'imatrix',
    what: `an importance matrix${datasets.length === 0 ? '' : ` from ${datasets.slice(0, 3).join(', ')}`}`,
    use: 'Use it to quantize its model: quantscope quantize MODEL TYPE --imatrix FILE.',
  };
}

/** Of builds of llama-imatrix that wrote no general.type. */
function isOldImatrix({ metadata, tensors }: Scanned): boolean {
  return metadata.has('imatrix.datasets') || tensors.some(({ name }) => name.endsWith('.in_sum2'));
}

/** Names that Ollama’s own engine gives to architectures, and llama.cpp’s for the same. */
const OLLAMA_ARCHITECTURES: ReadonlyMap<string, string | null> = new Map([
  ['gptoss', 'gpt-oss'],
  ['qwen25vl', 'qwen2vl'],
  ['mllama', null],
  ['glmocr', null],
  ['deepseekocr', 'deepseek2-ocr'],
]);

function ollamaLayout({ tensors }: Scanned, architecture: string | undefined): FileIdentity | null {
  const use =
    'Take a GGUF of the original repository that was made for llama.cpp; `ollama` itself runs this one.';
  const known = OLLAMA_ARCHITECTURES.get(architecture ?? '');
  if (known !== undefined) {
    const name = known === null ? '' : `; llama.cpp calls it ${known}`;
    return {
      kind: 'ollama',
      what: `a file in Ollama’s own layout: architecture ${architecture}${name}`,
      use,
    };
  }
  const hasLayers = tensors.some(({ name }) => name.startsWith('blk.'));
  const vision = tensors.find(({ name }) => /^(?:v|mm|a)\.(?:blk|patch|mm|\d)/.test(name));
  if (!hasLayers || vision === undefined) return null;
  return {
    kind: 'ollama',
    what: `a language model with its projector inside (tensor ${vision.name}), as Ollama’s own engine has it`,
    use,
  };
}

function shard(index: number, parts: number): FileIdentity {
  return {
    kind: 'shard',
    what: `shard ${index + 1} of ${parts} of a model`,
    use: 'Name the first shard, with the others beside it; quantscope quantize FIRST COPY --out OUT.gguf makes one file of them.',
  };
}
