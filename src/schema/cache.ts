import { z } from 'zod';
import { bytes, type Document, sha256 } from './parts.ts';
import { SCHEMA_IDS } from './terms.ts';

/** What the subcommands of `cache` print as JSON. */

const commit = z.string().describe('40 hexadecimal digits.');

export const cacheListSchema = z.strictObject({
  schema: z.literal(SCHEMA_IDS.cache),
  folder: z.string().describe('Of the repositories: the Hugging Face cache.'),
  repos: z.array(
    z.strictObject({
      repo: z.string().describe('owner/name'),
      folder: z.string(),
      revisions: z.array(
        z.strictObject({ commit, names: z.array(z.string()).describe('Branches and tags that led to it.') }),
      ),
      entries: z.array(
        z.strictObject({
          repo: z.string(),
          commit,
          path: z.string().describe('In the repository.'),
          place: z.string().describe('On this machine.'),
          sizeBytes: bytes,
          objectId: z
            .string()
            .nullable()
            .describe(
              'The name of its blob: SHA-256, or git’s SHA-1 for a file that git keeps; null where it has none.',
            ),
        }),
      ),
      sizeBytes: bytes.describe('Of blobs, each once; what several repositories share counts for each.'),
      sharedBytes: bytes.describe('Of them, what lies in the store that repositories share.'),
      partialBytes: bytes.describe('Of unfinished downloads, of whatever program.'),
    }),
  ),
  totalBytes: bytes.describe('Of all repositories: what they share counts once.'),
  orphans: z
    .array(z.strictObject({ path: z.string(), sizeBytes: bytes }))
    .describe('Of the store that repositories share, what none of them leads to any more.'),
  urlFolder: z.string().describe('Of what was fetched from plain addresses.'),
  urls: z.array(
    z.strictObject({
      version: z.literal(1).describe('Of the record.'),
      address: z.string().describe('Without its query.'),
      sizeBytes: bytes,
      etag: z.string().nullable(),
      lastModified: z.string().nullable(),
      sha256: z.string().describe('Of what came.'),
      verified: z.boolean().describe('Whether someone had said beforehand what the SHA-256 would be.'),
      fetchedAt: z.string().describe('ISO 8601.'),
      place: z.string(),
    }),
  ),
  urlPartialBytes: bytes,
  madeFolder: z.string().describe('Of what compare --make made.'),
  made: z.array(
    z.strictObject({
      version: z.literal(1).describe('Of the record.'),
      recipe: z.string(),
      source: z.string().describe('Name of the file that it was made of.'),
      sourceSha256: sha256.describe('Of that file, or of its shards as if they were one.'),
      imatrix: z.string().nullable().describe('Path of the importance matrix.'),
      llamaCpp: z.string().describe('Release that made it.'),
      sizeBytes: bytes,
      sha256,
      madeAt: z.string().describe('ISO 8601.'),
      place: z.string(),
    }),
  ),
  madeLeftoverBytes: bytes.describe('Of what a run that was killed left there.'),
  stores: z
    .array(
      z.strictObject({
        name: z.enum(['ollama', 'lmstudio']),
        folder: z.string(),
        models: z.array(z.strictObject({ ref: z.string(), place: z.string(), sizeBytes: bytes })),
      }),
    )
    .describe('Models of other programs, which are found by name and never changed.'),
});

/** What `cache list --json` prints. */
export type CacheList = Document<typeof cacheListSchema>;

export const cacheVerifySchema = z.strictObject({
  schema: z.literal(SCHEMA_IDS.cacheVerify),
  files: z.array(
    z.strictObject({
      repo: z.string().nullable().describe('null for a file from a plain address.'),
      file: z.string().describe('Its path in the repository, or its address.'),
      bytes,
      verdict: z
        .enum(['intact', 'damaged', 'unknown', 'unreadable'])
        .describe('unknown: nothing says which digest it should have.'),
      expected: z.string().nullable().describe('The digest that it should have.'),
      got: z.string().nullable().describe('The digest of a damaged file, or why one cannot be read.'),
    }),
  ),
});

/** What `cache verify --json` prints. */
export type CacheVerification = Document<typeof cacheVerifySchema>;

export const cacheRemoveSchema = z.strictObject({
  schema: z.literal(SCHEMA_IDS.cacheRemove),
  bytes: bytes.describe('What that freed.'),
  files: z.array(z.string()).describe('Where they were; none for unfinished downloads.'),
});

/** What `cache remove --json` prints. */
export type CacheRemoval = Document<typeof cacheRemoveSchema>;
