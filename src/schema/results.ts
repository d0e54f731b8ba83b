import { z } from 'zod';
import { divergence, domainLoss, memory, perplexity, speed, tasks } from './figures.ts';
import {
  bytes,
  count,
  type Document,
  engineBackend,
  finite,
  fraction,
  gpuChoice,
  gpuLayers,
  orUnavailable,
  sha256,
} from './parts.ts';
import { fittedPhoneSchema } from './phones.ts';
import { EVALUATION_PARTS, FLASH_ATTENTION, PREFERENCES, SCHEMA_IDS, STAGES } from './terms.ts';

export const failure = z.strictObject({ code: z.string(), message: z.string() });

const base64 = z.base64();
const shareItems = z.strictObject({
  /** All items, of which the outcomes are some. */
  items: count,
  outcomes: z.array(
    z.strictObject({
      item: count,
      task: z.string(),
      correct: z.boolean(),
      reply: z.string().optional(),
      measures: z.record(z.string(), z.boolean()).optional(),
    }),
  ),
});

/** What puts the figures of several shards together exactly. Numbers are float64, little-endian, in base64. */
const shareFigures = z.strictObject({
  text: z
    .strictObject({
      /** All chunks of the text, of which `chunks` are some. */
      total: count,
      contextSize: count,
      /** Chunks of each domain, which take turns; absent where the text is one. */
      domains: z.array(z.strictObject({ name: z.string().min(1), chunks: count })).optional(),
      chunks: z.array(
        z.strictObject({
          index: count,
          nextLogProb: base64,
          divergence: z
            .strictObject({
              kld: base64,
              referenceLogProb: base64,
              sameTop: base64,
            })
            .nullable(),
        }),
      ),
    })
    .optional(),
  tasks: shareItems.optional(),
  choices: shareItems.optional(),
  tools: shareItems.optional(),
  toolsWithGrammar: shareItems.optional(),
});

export const variantSchema = z.strictObject({
  name: z.string().min(1),
  ref: z.string(),
  /** Of a model in shards the bytes of all, and the hash of all as if they were one file. */
  file: z.strictObject({ bytes, sha256: orUnavailable(sha256) }),
  model: orUnavailable(
    z.strictObject({
      architecture: z.string(),
      name: z.string().nullable(),
      parameters: count,
      contextLength: count.nullable(),
      addBosToken: z.boolean().nullable(),
    }),
  ),
  quantization: orUnavailable(
    z.strictObject({
      label: z.string(),
      bitsPerWeight: finite,
      byType: z.array(z.strictObject({ type: z.string(), tensors: count, bytes })),
      imatrix: z
        .strictObject({
          file: z.string().nullable(),
          dataset: z.string().nullable(),
          entries: count.nullable(),
          chunks: count.nullable(),
        })
        .nullable(),
    }),
  ),
  load: orUnavailable(z.strictObject({ coldMs: orUnavailable(finite), warmMs: orUnavailable(finite) })),
  speed: orUnavailable(speed),
  memory: orUnavailable(memory),
  perplexity: orUnavailable(perplexity),
  divergence: orUnavailable(divergence),
  /** Of each text by itself, where there are several: the two above are then of all positions of all. */
  domains: z.array(domainLoss).optional(),
  tasks: orUnavailable(tasks),
  /** Multiple choice by the mean log-probability of the answers; only where it was asked for. */
  choices: orUnavailable(tasks).optional(),
  /** Calls of tools, freely and, where a call begins, within a grammar of the tools; only where they were asked for. */
  tools: orUnavailable(tasks).optional(),
  toolsWithGrammar: orUnavailable(tasks).optional(),
  /** How the model was told of tools: by its own chat template, or in words where that knows of none. */
  toolTelling: z.strictObject({ by: z.enum(['template', 'words']), form: z.string() }).optional(),
  weights: orUnavailable(z.strictObject({ relativeRmse: finite })),
  /** Where this row ran, when not where the machine entry says (GPU layers kept, fallback). */
  backend: z.strictObject({ gpuLayers: count, notes: z.array(z.string()) }).optional(),
  /** Only in the results of a shard, whose other figures are of its share alone. */
  share: shareFigures.optional(),
  status: z.enum(['ok', 'failed']),
  failure: failure.nullable(),
});

export const machine = z.strictObject({
  os: z.string(),
  arch: z.string(),
  cpu: z.string(),
  cores: count,
  memoryBytes: bytes,
  copyBandwidthBytesPerSecond: orUnavailable(finite),
  engine: orUnavailable(
    z.strictObject({
      name: z.string(),
      version: z.string(),
      llamaCpp: z.string(),
      build: z.string(),
      backend: engineBackend,
      devices: z.array(z.string()),
      /** Why `--gpu auto` took the CPU. */
      gpuFallback: z.string().optional(),
      systemInfo: z.string(),
    }),
  ),
});

/** What `--threads auto` tried, in its order. */
export const triedThreads = z.array(
  z.strictObject({ threads: count, promptTps: finite, generationTps: finite }),
);

/** A reason why figures may not be what the machine can do. */
export const warning = z.strictObject({ code: z.string(), message: z.string(), hint: z.string() });

const settings = z.strictObject({
  only: z.array(z.enum(STAGES)),
  quick: z.boolean(),
  repetitions: count,
  /** Whether the variants were timed in turns, each repetition in a process of its own. */
  interleave: z.boolean().optional(),
  promptTokens: count,
  generationTokens: count,
  depth: count,
  batchSize: count,
  /** Of generation, and of prompts where `promptThreads` is absent. */
  threads: count,
  /** Found by `--threads auto`, with what it tried. */
  promptThreads: count.optional(),
  threadSearch: triedThreads.optional(),
  gpu: gpuChoice,
  gpuLayers,
  flashAttention: z.enum(FLASH_ATTENTION),
  cacheType: z.string(),
  seed: count,
  evaluation: z.strictObject({
    text: z.string(),
    textSha256: z.string(),
    contextSize: count,
    /** Asked for; `null` is all of the text. */
    chunks: count.nullable(),
    tasks: z.string(),
    tasksSha256: z.string(),
    taskItems: count,
    /** What of it was done; absent where it is text and tasks. */
    parts: z.array(z.enum(EVALUATION_PARTS)).optional(),
    /** Where the questions of multiple choice come from. */
    choices: z.string().optional(),
    choicesSha256: z.string().optional(),
    choiceItems: count.optional(),
    /** Where the calls of tools come from, and whether they were also asked for under a grammar. */
    tools: z.string().optional(),
    toolsSha256: z.string().optional(),
    toolItems: count.optional(),
    grammar: z.boolean().optional(),
    /** Worked examples before each question; absent where there are none. */
    fewShot: count.optional(),
    /** Whether questions went through the chat template; absent where their kind decided. */
    template: z.enum(['on', 'off']).optional(),
    /** A variant's text ends as soon as its loss is decided: how often that may be wrong, and seconds at most. */
    untilDecided: z.strictObject({ errorRate: fraction, maxSeconds: finite.nullable() }).optional(),
  }),
  /** Of the variants within the limits which is recommended; absent for the smallest. */
  prefer: z.enum(PREFERENCES).optional(),
  limits: z.strictObject({
    maxMeanKld: finite,
    minSameTop: fraction,
    maxPerplexityIncrease: finite,
    maxAccuracyDrop: finite,
  }),
});

/** What was asked, and how replies were judged. */
const question = z.strictObject({
  task: z.string(),
  /** Without the worked examples before it. */
  prompt: z.string(),
  answers: z.array(z.string()),
  /** How a reply is held against the answers: a `match` of task files, or the measure that decides. */
  rule: z.string(),
  /** Of multiple choice. */
  choices: z.array(z.string()).optional(),
});

const endpoint = z.strictObject({
  /** The model's name there. */
  name: z.string(),
  /** Without credentials. */
  url: z.string(),
  /** Flips are against the reference, whose replies come through the same prompts. */
  tasks: orUnavailable(tasks),
  /** From request to whole reply, the network included. */
  medianReplyMs: orUnavailable(finite),
});

/**
 * What `compare --json` prints, what `--out` writes after every variant and what later commands read back. Shares and
 * probabilities are fractions from 0 to 1; divergences are in nats.
 */
export const resultsSchema = z.strictObject({
  schema: z.literal(SCHEMA_IDS.results),
  createdAt: z.iso.datetime(),
  /** When the runs began that were put together here, where there are several. */
  runs: z.array(z.iso.datetime()).optional(),
  tool: z.strictObject({ version: z.string() }),
  machine,
  settings,
  /** Which share of an evaluation over several machines this is; `report` puts them together. */
  shard: z.strictObject({ index: z.int().positive(), count: z.int().positive() }).optional(),
  /** The name of the reference variant, or null when nothing was compared with one. */
  reference: z.string().nullable(),
  variants: z.array(variantSchema),
  /** In the order of the outcomes and replies of every variant. */
  questions: z
    .strictObject({
      tasks: z.array(question).optional(),
      choices: z.array(question).optional(),
      /** Also of the replies under a grammar. */
      tools: z.array(question).optional(),
    })
    .optional(),
  /** Where the replies are that would make this file large: in the same folder. */
  repliesBeside: z.strictObject({ file: z.string().regex(/^[^/\\]+\.replies$/), sha256 }).optional(),
  /** What the phones of `--device` make of the variants. */
  devices: z.array(fittedPhoneSchema).optional(),
  /** Models behind an OpenAI-compatible endpoint, asked the same tasks. */
  endpoints: z.array(endpoint).optional(),
  recommendation: orUnavailable(
    z.strictObject({
      variant: z.string(),
      reasons: z.array(z.string()),
      /** Variants that another beats or equals on size, speed and accuracy at once. */
      dominated: z.array(z.strictObject({ variant: z.string(), by: z.string() })),
    }),
  ),
  warnings: z.array(z.string()),
});

export type Results = Document<typeof resultsSchema>;
export type ShareFigures = Document<typeof shareFigures>;
export type EndpointResult = NonNullable<Results['endpoints']>[number];
export type VariantResult = Results['variants'][number];
export type Settings = Results['settings'];
export type Machine = Results['machine'];
export type Limits = Settings['limits'];
export type Question = Document<typeof question>;
export type Recommendation = Results['recommendation'];
