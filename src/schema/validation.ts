import { z } from 'zod';
import { bytes, count, type Document } from './parts.ts';
import { SCHEMA_IDS, SEVERITIES } from './terms.ts';

/** As people write it: in either case. */
const sha256 = z.string().regex(/^[0-9a-fA-F]{64}$/, '64 hexadecimal digits');

/** The policy file, `quantscope.policy.json`. Strict: a misspelt field would silently demand nothing. */
export const policySchema = z.strictObject({
  $schema: z.string().optional(),
  architectures: z.array(z.string()).optional().describe('Values of general.architecture that are accepted.'),
  quantizations: z.array(z.string()).optional().describe('Labels that are accepted: Q4_K_M.'),
  tensorTypes: z.array(z.string()).optional().describe('Tensor types that may occur: Q4_K, F32.'),
  maxFileBytes: bytes.optional(),
  minFileBytes: bytes.optional(),
  maxParameters: z.int().positive().optional(),
  maxMemory: z
    .strictObject({ bytes: z.int().positive(), contextSize: z.int().positive() })
    .optional()
    .describe('Limit of weights and f16 KV cache together, at a context size in tokens.'),
  licenses: z
    .array(z.string())
    .optional()
    .describe('Values of general.license that are accepted, in either case.'),
  requiredKeys: z.array(z.string()).optional().describe('Metadata keys that must be there.'),
  forbiddenKeys: z.array(z.string()).optional().describe('Metadata keys that must not be there.'),
  sha256: z
    .array(sha256)
    .optional()
    .describe('Hashes of files that are known to be good; no other file passes.'),
  chatTemplates: z.array(sha256).optional().describe('Hashes of chat templates that are known to be good.'),
  requireManifest: z
    .boolean()
    .optional()
    .describe('Whether FILE.manifest.json must stand beside every file.'),
  severities: z
    .record(z.string(), z.enum([...SEVERITIES, 'off']))
    .optional()
    .describe('Severities by rule id, where they differ from the rules’ own; off drops the rule.'),
});

/** What a team accepts. A field that is absent asks nothing. */
export type Policy = Document<typeof policySchema>;

/** A manifest, `FILE.manifest.json`: what a file was when it was known to be good. */
export const manifestSchema = z.object({
  schema: z.literal(SCHEMA_IDS.manifest),
  name: z.string(),
  bytes,
  sha256,
  headerSha256: sha256.describe('Of all bytes before the first tensor.'),
  tensors: z.array(z.object({ name: z.string(), type: z.string(), shape: z.array(z.int()), sha256 })),
});

export type Manifest = Document<typeof manifestSchema>;

const diagnosticSchema = z.object({
  rule: z.string(),
  severity: z.enum(SEVERITIES),
  message: z.string(),
  offset: z.number().optional().describe('Bytes from the start of the file.'),
  tensor: z.string().optional(),
  key: z.string().optional(),
  hint: z.string().optional(),
});

const conformanceSchema = z.object({
  key: z.string().describe('Of the metadata: tokenizer.chat_template.'),
  renderer: z
    .enum(['llama.cpp', 'equivalent', 'stand-in'])
    .describe(
      'llama.cpp’s own, one that writes the same, or where llama.cpp is not installed, what stands in for it.',
    ),
  conversations: z.array(
    z.object({
      id: z.string(),
      title: z.string(),
      level: z.enum(['ok', 'note', 'warning']),
      remarks: z.array(z.string()),
      prompt: z.string().nullable().describe('What the model sees; null where there is no prompt.'),
    }),
  ),
});

const fileSchema = z.object({
  ref: z.string(),
  verdict: z.enum(['ok', 'warning', 'error']),
  bytes: z.number(),
  sha256: z.string().nullable(),
  content: z
    .discriminatedUnion('status', [
      z.object({ status: z.literal('checked') }),
      z.object({ status: z.literal('unavailable'), reason: z.string().min(1) }),
    ])
    .describe('Whether the weights were read; where not, the rules of the group content say nothing.'),
  diagnostics: z.array(diagnosticSchema),
  conformance: z
    .array(conformanceSchema)
    .optional()
    .describe('What each chat template makes of the conversations that apps have: with --conformance.'),
});

/** What `validate --json` prints. */
export const validationSchema = z.object({
  schema: z.literal(SCHEMA_IDS.validation),
  shard: z
    .object({ index: z.int().positive(), count: z.int().positive(), files: count, toolVersion: z.string() })
    .optional()
    .describe('Which part of the files this is, and how many there are in all.'),
  files: z.array(fileSchema),
});

export type ValidationReport = Document<typeof validationSchema>;
export type FileReport = ValidationReport['files'][number];
/** What one chat template makes of the conversations that apps have. */
export type TemplateConformance = Document<typeof conformanceSchema>;
/** Whether a file's content was checked: all of its bytes, or its header alone. */
export type ContentCheck = FileReport['content'];
/** A finding with the rule it breaks: what commands print. */
export type Diagnostic = FileReport['diagnostics'][number];
/** What the diagnostics of one file come to. */
export type ValidationVerdict = FileReport['verdict'];
