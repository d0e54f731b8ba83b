import { z } from 'zod';
import { TENSOR_TYPE_NAMES } from '../gguf/tensor-types.ts';
import {
  bytes,
  cacheType,
  type Document,
  orUnavailable,
  phoneBackend,
  sha256,
  unavailable,
} from './parts.ts';
import { modelShapeSchema } from './phone-data.ts';
import { deviceState, sustained, sustainedWindow } from './sustained.ts';
import { KIT_FINDINGS, SCHEMA_IDS, SPEED_BASES } from './terms.ts';

/** Longer lists than any kit has: a hostile file ends here and not in memory. */
const LONG = 100_000;

/** No phone comes near the most; a figure beyond it is no measurement. */
const rate = z.number().positive().max(1e6);
const logProb = z.number().max(0.001).describe('Natural logarithm.');
const tokens = z.array(z.int().nonnegative()).max(LONG);

const candidate = z.object({ token: z.int().nonnegative(), text: z.string(), logProb });
const speed = z.union([
  unavailable,
  z.object({
    promptTps: z.union([rate, unavailable]),
    generationTps: rate,
    low: rate.describe('Bounds of generationTps.'),
    high: rate,
    basis: z.enum(SPEED_BASES),
    evidence: z.string(),
  }),
]);

/** golden.json: what one file answers on a computer, for a phone to repeat. */
export const goldenSchema = z.object({
  schema: z.literal(SCHEMA_IDS.kitGolden),
  id: sha256.describe('Of the prompts with their replies.'),
  tool: z.string(),
  engine: z.object({ name: z.string(), version: z.string(), llamaCpp: z.string(), backend: z.string() }),
  model: z.object({
    name: z.string(),
    quantization: z.string(),
    sha256: sha256.describe('Of the file.'),
    fileBytes: bytes,
    tensorBytes: bytes,
    parameters: bytes,
    shape: modelShapeSchema,
    mainType: z.enum(TENSOR_TYPE_NAMES),
    bos: z.object({ token: z.int().nonnegative(), text: z.string() }).nullable(),
  }),
  tolerance: z.object({
    nearTie: z.number().nonnegative(),
    meanLogProb: z.number().nonnegative(),
    why: z.string(),
  }),
  bench: z.object({ promptTokens: z.int().positive(), generatedTokens: z.int().positive() }),
  candidates: z.int().positive(),
  expected: z.object({
    device: z
      .object({
        id: z.string(),
        name: z.string(),
        batteryWh: z.number().positive().nullable().describe('Of a new battery, where that is known.'),
      })
      .nullable(),
    backend: phoneBackend,
    contextSize: z.int().positive(),
    cacheType,
    memory: z.object({
      basis: z.literal('estimated'),
      weightsBytes: bytes,
      repackedBytes: bytes.describe('Of these, what the CPU keeps rearranged.'),
      kvBytes: bytes,
      stateBytes: bytes,
      checkpointBytes: bytes.describe('Of llama.rn’s cache of states, at most.'),
      computeBytes: bytes,
      totalBytes: bytes,
      anonymousBytes: bytes.describe('With mmap, what the system may not drop.'),
      budgetBytes: z.union([bytes, unavailable]),
    }),
    speed,
  }),
  prompts: z
    .array(
      z.object({
        name: z.string(),
        messages: z
          .array(z.object({ role: z.enum(['system', 'user', 'assistant']), content: z.string() }))
          .min(1),
        text: z.string().describe('In the chat template, without the BOS that the tokenizer adds.'),
        tokens: tokens.min(1),
        reply: z.object({
          text: z.string(),
          ends: z.boolean().describe('The last step is then the end token.'),
          steps: z
            .array(
              z.object({ token: z.int().nonnegative(), text: z.string(), top: z.array(candidate).min(1) }),
            )
            .min(1)
            .max(LONG),
        }),
      }),
    )
    .min(1),
});

export type KitGolden = Document<typeof goldenSchema>;
export type KitExpectation = KitGolden['expected'];
export type KitTolerance = KitGolden['tolerance'];
export type GoldenPrompt = KitGolden['prompts'][number];
export type GoldenStep = GoldenPrompt['reply']['steps'][number];
export type KitCandidate = GoldenStep['top'][number];

function inOrder(windows: readonly { readonly startS: number; readonly endS: number }[]): boolean {
  return windows.every(
    ({ startS, endS }, index) => endS > startS && startS >= (windows[index - 1]?.endS ?? 0),
  );
}

const phoneToken = z.object({ id: z.int().nonnegative().nullable(), text: z.string() });

/** What `runQuantscopeKit` of llama-rn.ts returns. */
export const kitResultsSchema = z.object({
  schema: z.literal(SCHEMA_IDS.kitResults),
  createdAt: z.iso.datetime(),
  device: z.object({
    name: z.string().min(1),
    os: z.string().optional(),
    osVersion: z.string().optional(),
    memoryBytes: bytes.optional(),
  }),
  library: z.object({ name: z.string(), build: z.string(), commit: z.string() }),
  golden: z.object({ id: sha256, modelSha256: sha256 }),
  model: z.object({
    sha256: sha256.nullable(),
    description: z.string(),
    tensorBytes: bytes.nullable(),
    parameters: bytes.nullable(),
  }),
  parameters: z.record(z.string(), z.unknown()),
  backend: z.object({
    gpu: z.boolean(),
    reasonNoGpu: z.string(),
    devices: z.array(z.string()),
    systemInfo: z.string(),
  }),
  loadMs: z.number().nonnegative(),
  memory: z.discriminatedUnion('status', [
    unavailable,
    z.object({
      status: z.literal('ok'),
      beforeLoadBytes: bytes,
      afterLoadBytes: bytes,
      afterRunBytes: bytes,
    }),
  ]),
  bench: z.discriminatedUnion('status', [
    unavailable,
    z.object({
      status: z.literal('ok'),
      promptTokens: z.int().positive(),
      generatedTokens: z.int().positive(),
      repetitions: z.int().positive(),
      promptTps: rate,
      generationTps: rate.describe('At the depth of the prompt.'),
      flashAttention: z.number().nullable(),
      threads: z.number().nullable(),
    }),
  ]),
  sustained: z
    .discriminatedUnion('status', [
      unavailable,
      z.object({
        status: z.literal('ok'),
        minutes: z.number().positive().max(10_000),
        before: deviceState,
        windows: z
          .array(sustainedWindow)
          .min(1)
          .max(LONG)
          .refine(inOrder, 'windows that follow one another, each with its end behind its start'),
        brokenOff: z.string().nullable().describe('Why it did not last for the minutes.'),
      }),
    ])
    .describe('Turns of a chat for minutes.'),
  replays: z
    .array(
      z.object({
        name: z.string(),
        promptTokens: tokens,
        formattedPrompt: z.string(),
        reply: z.object({
          text: z.string(),
          stop: z.enum(['end', 'length']),
          tokens: z.array(phoneToken).max(LONG),
        }),
        forced: z
          .array(
            z.union([
              z.object({ step: z.int().nonnegative(), top: z.array(phoneToken.extend({ logProb })).min(1) }),
              unavailable.extend({ step: z.int().nonnegative() }),
            ]),
          )
          .max(LONG),
      }),
    )
    .max(LONG),
});

export type KitResults = Document<typeof kitResultsSchema>;
export type PhoneReplay = KitResults['replays'][number];
export type PhoneToken = Document<typeof phoneToken>;

const nats = z.number().nonnegative();

/** What `kit check --json` prints, for `report` to read. */
export const kitCheckSchema = z.object({
  schema: z.literal(SCHEMA_IDS.kitCheck),
  verdict: z
    .enum(['ok', 'slow', 'wrong'])
    .describe('slow: it computes the same, below the speed that was asked for.'),
  device: z.string(),
  model: z.string(),
  modelSha256: sha256,
  backend: z.string(),
  prompts: z.array(
    z.object({
      name: z.string(),
      steps: z.int(),
      divergence: z
        .object({
          step: z.int(),
          expected: z.string(),
          got: z.string(),
          gap: nats.describe('Nats that the expected token was likelier on the computer; at least.'),
          isNearTie: z.boolean(),
        })
        .nullable(),
    }),
  ),
  logProbs: z.union([
    unavailable,
    z.object({ steps: z.int(), mean: nats, largest: nats, otherTop: z.int().nonnegative() }),
  ]),
  loadMs: z.number(),
  speed: z.union([unavailable, z.object({ promptTps: rate, generationTps: rate, expected: speed })]),
  memory: z.union([
    unavailable,
    z.object({ grownBytes: z.number(), expectedBytes: bytes, expectedAnonymousBytes: bytes }),
  ]),
  sustained: orUnavailable(sustained).describe('What minutes of use say.'),
  findings: z.array(
    z.object({
      level: z.enum(['error', 'warning', 'note']),
      code: z.enum(KIT_FINDINGS),
      message: z.string(),
    }),
  ),
});

export type KitCheck = Document<typeof kitCheckSchema>;
export type CheckedPrompt = KitCheck['prompts'][number];
export type KitDivergence = NonNullable<CheckedPrompt['divergence']>;
export type KitFinding = KitCheck['findings'][number];
