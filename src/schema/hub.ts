import { z } from 'zod';
import { isRepoId, isRevision } from '../util/safe-names.ts';
import { bytes, type Document } from './parts.ts';
import { SCHEMA_IDS } from './terms.ts';

/** What the commands that deal with the Hub read and print as JSON. */

const promptSchema = z.strictObject({
  template: z.string().describe('The turns of one exchange, with {system} and {prompt} where they go.'),
  stop: z.array(z.string()).default([]),
  contextLength: z.int().positive().describe('Tokens it was trained for.'),
  systemRole: z.boolean().default(false).describe('Whether its template has a place for a system message.'),
});

/** One model of a catalogue file. Strict: a misspelt field would silently say nothing. */
export const catalogueEntrySchema = z.strictObject({
  repo: z
    .string()
    .refine(isRepoId, 'expected owner/name')
    .optional()
    .describe('owner/name on the Hub. May be left out where the name is built in.'),
  revision: z.string().refine(isRevision, 'expected a branch, a tag or a commit').nullable().optional(),
  quantizations: z.array(z.string()).optional().describe('What the bare name stands for.'),
  title: z.string().optional(),
  licence: z.string().optional().describe('What one should know before shipping it.'),
  prompt: promptSchema.nullable().optional(),
});

/** The catalogue file: QUANTSCOPE_CATALOGUE, or `catalogue.json` in the config folder. An object from name to entry. */
export const catalogueSchema = z
  .object({ $schema: z.string().optional().describe('For editors.') })
  .catchall(catalogueEntrySchema);

export const pullSchema = z.strictObject({
  schema: z.literal(SCHEMA_IDS.pull),
  dryRun: z.boolean(),
  totalBytes: bytes,
  missingBytes: bytes.describe('Downloaded by this run; in a dry run, what would be.'),
  files: z.array(
    z.strictObject({
      ref: z.string(),
      source: z.enum(['hub', 'url', 'local']),
      repo: z
        .string()
        .nullable()
        .describe('owner/name; null for a file from a plain address or of this machine.'),
      commit: z.string().nullable(),
      file: z.string().describe('Its path in the repository, its address without the query, or its path.'),
      bytes,
      objectId: z
        .string()
        .nullable()
        .describe('SHA-256, or git’s SHA-1 for a file that git keeps; null where it is not known yet.'),
      verified: z
        .boolean()
        .nullable()
        .describe(
          'Whether the digest was compared with one known beforehand; null where nothing was received.',
        ),
      state: z.enum(['cached', 'linked', 'downloaded', 'absent', 'partial']),
      path: z.string(),
    }),
  ),
});

/** What `pull --json` prints. */
export type PullReport = Document<typeof pullSchema>;

export const catalogueListSchema = z.strictObject({
  schema: z.literal(SCHEMA_IDS.catalogueList),
  file: z.string().nullable().describe('The file that was laid over the built-in catalogue.'),
  models: z.array(
    z.strictObject({
      name: z.string(),
      title: z.string(),
      repo: z.string(),
      revision: z.string().nullable(),
      quantizations: z.array(z.string()),
      licence: z.string(),
      prompt: promptSchema.nullable(),
    }),
  ),
});

/** What `variants --json` prints without a repository. */
export type CatalogueList = Document<typeof catalogueListSchema>;

export const variantsSchema = z.strictObject({
  schema: z.literal(SCHEMA_IDS.variants),
  repo: z.string(),
  revision: z.string(),
  commit: z.string(),
  gated: z.boolean(),
  source: z.enum(['hub', 'cache']),
  model: z
    .strictObject({
      name: z.string().nullable(),
      architecture: z.string().nullable(),
      parameters: z.number(),
      contextLength: z.number().nullable(),
    })
    .nullable(),
  contextSize: z.int().positive(),
  licence: z.string().nullable(),
  variants: z.array(
    z.strictObject({
      label: z.string(),
      file: z.string(),
      shards: z.int().positive(),
      bytes,
      bitsPerWeight: z.number().nullable(),
      mix: z.array(
        z.strictObject({ type: z.string(), share: z.number().describe('Of the weights’ bytes, 0 to 1.') }),
      ),
      memoryBytes: z.number().nullable().describe('Estimated, at contextSize tokens.'),
      imatrix: z.boolean().nullable(),
      cached: z.boolean(),
      failure: z
        .strictObject({ code: z.string(), message: z.string(), hint: z.string().nullable() })
        .nullable(),
    }),
  ),
  notes: z.array(z.string()),
});

/** What `variants --json` prints of a repository. */
export type VariantsReport = Document<typeof variantsSchema>;
export type VariantRow = VariantsReport['variants'][number];
