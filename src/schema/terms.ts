/**
 * The words that documents, options and code share. This file loads nothing, so that `--help` and `inspect`, which
 * name these words, need no schema library.
 */

/** How llama.cpp runs a model on a computer. */
export const ENGINE_BACKENDS = ['cpu', 'metal', 'vulkan', 'cuda'] as const;
export type EngineBackend = (typeof ENGINE_BACKENDS)[number];

/** The values of `--gpu`. */
export const GPU_CHOICES = ['auto', 'off', 'metal', 'vulkan', 'cuda'] as const;
export type GpuChoice = (typeof GPU_CHOICES)[number];

/** Which binary of llama.cpp is used: QUANTSCOPE_ENGINE. */
export const BUILD_CHOICES = ['auto', 'prebuilt', 'local'] as const;
export type BuildChoice = (typeof BUILD_CHOICES)[number];

/** How llama.rn runs a model on a phone. */
export const PHONE_BACKENDS = ['cpu', 'opencl', 'hexagon', 'metal', 'vulkan'] as const;
export type PhoneBackend = (typeof PHONE_BACKENDS)[number];

/** Types that llama.cpp can keep keys and values in, by the names its options take (`kv_cache_types` of arg.cpp). */
export const CACHE_TYPES = ['f32', 'f16', 'bf16', 'q8_0', 'q5_1', 'q5_0', 'q4_1', 'q4_0', 'iq4_nl'] as const;
export type CacheType = (typeof CACHE_TYPES)[number];

/** Those that phone apps use, most precise first: what `inspect`, `fit`, `run` and `kit` offer. */
export const COMMON_CACHE_TYPES = ['f16', 'q8_0', 'q4_0'] as const satisfies readonly CacheType[];
export type CommonCacheType = (typeof COMMON_CACHE_TYPES)[number];

export const FLASH_ATTENTION = ['auto', 'on', 'off'] as const;

/** How bad a finding is, worst first. An error fails the file, a warning asks for a look, a note informs. */
export const SEVERITIES = ['error', 'warning', 'note'] as const;
export type Severity = (typeof SEVERITIES)[number];

/** An error fails the command; a warning is only told. */
export const GATE_SEVERITIES = ['error', 'warning'] as const satisfies readonly Severity[];
/** What befalls variants and fails wherever there are gates, unless it is allowed. */
export const GATE_ALLOWANCES = ['variant.missing', 'variant.failed'] as const;

export type GateSeverity = (typeof GATE_SEVERITIES)[number];

/** Whether a model fits a phone; `unknown` where what the phone gives an app was never measured. */
export const FIT_VERDICTS = ['fits', 'tight', 'no', 'unknown'] as const;
export type FitVerdict = (typeof FIT_VERDICTS)[number];

/** Stages of a comparison, the words of `--only`. */
export const STAGES = ['size', 'speed', 'memory', 'accuracy'] as const;
export type Stage = (typeof STAGES)[number];

/** Which questions `report --tasks` prints: those one got wrong, those answered otherwise than by the reference, or all. */
export const REPLY_FILTERS = ['failed', 'flipped', 'all'] as const;
export type ReplyFilter = (typeof REPLY_FILTERS)[number];

/** Which of several variants within the limits is recommended. */
export const PREFERENCES = ['size', 'speed', 'accuracy'] as const;
export type Preference = (typeof PREFERENCES)[number];

/** Parts of an evaluation: perplexity with divergence, replies to tasks, multiple choice, calls of tools. */
export const EVALUATION_PARTS = ['text', 'tasks', 'choices', 'tools'] as const;
export type EvaluationPart = (typeof EVALUATION_PARTS)[number];

/** What a variant answers item by item: fields of its row. Tool calls are asked again under a grammar on request. */
export const ANSWER_KINDS = ['tasks', 'choices', 'tools', 'toolsWithGrammar'] as const;
export type AnswerKind = (typeof ANSWER_KINDS)[number];

/** What became of a card's claim. A doubtful one is not checkable: no card is accused on a guess. */
export const CLAIM_VERDICTS = ['true', 'false', 'not checkable'] as const;
export type ClaimVerdict = (typeof CLAIM_VERDICTS)[number];

/** What such a verdict stands on: the file, a run, a formula over the header, or a model of phones' speeds. */
export const CLAIM_BASES = ['read', 'measured', 'estimated', 'predicted'] as const;
export type ClaimBasis = (typeof CLAIM_BASES)[number];

/** Of a speed on a phone: extrapolated from other chips where nothing was measured on one like it. */
export const SPEED_BASES = ['measured', 'predicted', 'extrapolated'] as const;

/** Everything that is looked for on a card. */
export const CLAIM_KINDS = [
  'name',
  'base-model',
  'architecture',
  'format',
  'license',
  'quantized-by',
  'quantization',
  'file-size',
  'original-size',
  'size-reduction',
  'size-factor',
  'parameters',
  'context-length',
  'layers',
  'heads',
  'kv-heads',
  'head-length',
  'embedding-length',
  'feed-forward-length',
  'vocabulary',
  'experts',
  'weight-bits',
  'bits-per-weight',
  'tensor-bits',
  'tensor-type',
  'imatrix',
  'kv-memory',
  'memory',
  'device-memory',
  'speed',
  'speed-up',
  'latency',
  'accuracy',
  'perplexity',
  'divergence',
  'knowledge-cutoff',
  'unclear-size',
] as const;
export type ClaimKind = (typeof CLAIM_KINDS)[number];

/** What `kit check` can find. */
export const KIT_FINDINGS = [
  'kit/prompt-tokens',
  'kit/wrong-token',
  'kit/wrong-distribution',
  'kit/replay-missing',
  'kit/near-tie',
  'kit/template',
  'kit/not-compared',
  'kit/no-gpu',
  'kit/slower',
  'kit/faster',
  'kit/memory',
  'kit/throttled',
  'kit/broken-off',
  'kit/too-slow',
] as const;

/** The `schema` field of every document: its name, and a version that a rename of a field raises. */
export const SCHEMA_IDS = {
  error: 'quantscope/error@1',
  results: 'quantscope/results@1',
  replies: 'quantscope/replies@1',
  report: 'quantscope/report@1',
  bench: 'quantscope/bench@1',
  context: 'quantscope/context@1',
  run: 'quantscope/run@1',
  gates: 'quantscope/gates@1',
  inspection: 'quantscope/inspection@1',
  diff: 'quantscope/diff@1',
  validation: 'quantscope/validation@1',
  manifest: 'quantscope/manifest@1',
  cardCheck: 'quantscope/card-check@1',
  fit: 'quantscope/fit@1',
  deviceList: 'quantscope/device-list@1',
  kitGolden: 'quantscope/kit-golden@1',
  kitResults: 'quantscope/kit-results@1',
  kitCheck: 'quantscope/kit-check@1',
  variants: 'quantscope/variants@1',
  catalogueList: 'quantscope/catalogue@1',
  pull: 'quantscope/pull@1',
  cache: 'quantscope/cache@1',
  cacheVerify: 'quantscope/cache-verify@1',
  cacheRemove: 'quantscope/cache-remove@1',
  doctor: 'quantscope/doctor@1',
  quantize: 'quantscope/quantize@1',
  imatrix: 'quantscope/imatrix@1',
  mix: 'quantscope/mix@1',
  engine: 'quantscope/engine@1',
  engineBuild: 'quantscope/engine-build@1',
  engineRemove: 'quantscope/engine-remove@1',
} as const;
