import { z } from 'zod';
import { BACKENDS } from '../device/cost-terms.ts';
import { KIT_CHECK_SCHEMA_ID, type KitCheck } from '../device/kit-check.ts';
import {
  KIT_GOLDEN_SCHEMA_ID,
  KIT_RESULTS_SCHEMA_ID,
  type KitGolden,
  type KitResults,
} from '../device/kit-files.ts';
import { KIT_FINDINGS } from '../device/kit-finding.ts';
import { TENSOR_TYPE_NAMES } from '../gguf/index.ts';

/** Longer lists than any kit has: a hostile file ends here and not in memory. */
const LONG = 100_000;

const missing = z.object({ status: z.literal('unavailable'), reason: z.string() });
const bytes = z.int().nonnegative();
/** No phone comes near the most; a figure beyond it is no measurement. */
const rate = z.number().positive().max(1e6);
const logProb = z.number().max(0.001).describe('Natural logarithm.');
const sha256 = z.string().regex(/^[0-9a-f]{64}$/, '64 hexadecimal digits');
const tokens = z.array(z.int().nonnegative()).max(LONG);

const candidate = z.object({ token: z.int().nonnegative(), text: z.string(), logProb });
const speed = z.union([
  missing,
  z.object({
    promptTps: z.union([rate, missing]),
    generationTps: rate,
    low: rate.describe('Bounds of generationTps.'),
    high: rate,
    basis: z.enum(['measured', 'predicted']),
    evidence: z.string(),
  }),
]);

export const goldenSchema = z.object({
  schema: z.literal(KIT_GOLDEN_SCHEMA_ID),
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
    shape: z.tuple([z.string(), z.int(), z.int(), z.int(), z.int(), z.int(), z.int()]),
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
    device: z.object({ id: z.string(), name: z.string() }).nullable(),
    backend: z.enum(BACKENDS),
    contextSize: z.int().positive(),
    cacheType: z.enum(['f32', 'f16', 'bf16', 'q8_0', 'q5_1', 'q5_0', 'q4_1', 'q4_0', 'iq4_nl']),
    memory: z.object({
      basis: z.literal('estimated'),
      weightsBytes: bytes,
      kvBytes: bytes,
      stateBytes: bytes,
      computeBytes: bytes,
      totalBytes: bytes,
      anonymousBytes: bytes.describe('With mmap, what the system may not drop.'),
      budgetBytes: z.union([bytes, missing]),
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
}) satisfies z.ZodType<KitGolden>;

const phoneToken = z.object({ id: z.int().nonnegative().nullable(), text: z.string() });

export const kitResultsSchema = z.object({
  schema: z.literal(KIT_RESULTS_SCHEMA_ID),
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
    missing,
    z.object({
      status: z.literal('ok'),
      beforeLoadBytes: bytes,
      afterLoadBytes: bytes,
      afterRunBytes: bytes,
    }),
  ]),
  bench: z.discriminatedUnion('status', [
    missing,
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
              missing.extend({ step: z.int().nonnegative() }),
            ]),
          )
          .max(LONG),
      }),
    )
    .max(LONG),
}) satisfies z.ZodType<KitResults>;

const nats = z.number().nonnegative();

/** What `kit check --json` prints, for `report` to read. */
export const kitCheckSchema = z.object({
  schema: z.literal(KIT_CHECK_SCHEMA_ID),
  verdict: z.enum(['ok', 'wrong']),
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
    missing,
    z.object({ steps: z.int(), mean: nats, largest: nats, otherTop: z.int().nonnegative() }),
  ]),
  loadMs: z.number(),
  speed: z.union([missing, z.object({ promptTps: rate, generationTps: rate, expected: speed })]),
  memory: z.union([
    missing,
    z.object({ grownBytes: z.number(), expectedBytes: bytes, expectedAnonymousBytes: bytes }),
  ]),
  findings: z.array(
    z.object({
      level: z.enum(['error', 'warning', 'note']),
      code: z.enum(KIT_FINDINGS),
      message: z.string(),
    }),
  ),
}) satisfies z.ZodType<KitCheck>;

export function kitSchemas(): Record<string, object> {
  const target = { target: 'draft-2020-12' } as const;
  return {
    'kit-golden': { title: `golden.json (${KIT_GOLDEN_SCHEMA_ID})`, ...z.toJSONSchema(goldenSchema, target) },
    'kit-results': {
      title: `what runQuantscopeKit returns (${KIT_RESULTS_SCHEMA_ID})`,
      ...z.toJSONSchema(kitResultsSchema, target),
    },
    'kit-check': {
      title: `quantscope kit check (${KIT_CHECK_SCHEMA_ID})`,
      ...z.toJSONSchema(kitCheckSchema, target),
    },
  };
}
