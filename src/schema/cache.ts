import { z } from 'zod';
import type { CacheContent } from '../api/cache/choose.ts';

/** What the subcommands of `cache` print as JSON. */

const bytes = z.int().nonnegative();
const commit = z.string().describe('40 hexadecimal digits.');

/** What `cache list --json` prints. */
export interface CacheList
  extends Pick<CacheContent, 'folder' | 'repos' | 'urlFolder' | 'urls' | 'urlPartialBytes'> {
  readonly schema: 'quantscope/cache@1';
}

const listSchema = z.strictObject({
  schema: z.literal('quantscope/cache@1'),
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
      sizeBytes: bytes.describe('Of blobs, each once.'),
      partialBytes: bytes.describe('Of unfinished downloads, of whatever program.'),
    }),
  ),
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
}) satisfies z.ZodType<CacheList>;

const verifySchema = z.strictObject({
  schema: z.literal('quantscope/cache-verify@1'),
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
export type CacheVerification = z.input<typeof verifySchema>;

const removeSchema = z.strictObject({
  schema: z.literal('quantscope/cache-remove@1'),
  bytes: bytes.describe('Of what was removed.'),
  files: z.array(z.string()).describe('Where they were; none for unfinished downloads.'),
});

/** What `cache remove --json` prints. */
export type CacheRemoval = z.input<typeof removeSchema>;

/** The published JSON Schemas by file name. */
export function cacheSchemas(): Record<string, object> {
  const contracts: readonly (readonly [string, string, z.ZodType])[] = [
    ['cache', 'quantscope cache list (quantscope/cache@1)', listSchema],
    ['cache-verify', 'quantscope cache verify (quantscope/cache-verify@1)', verifySchema],
    ['cache-remove', 'quantscope cache remove (quantscope/cache-remove@1)', removeSchema],
  ];
  return Object.fromEntries(
    contracts.map(([name, title, schema]) => [
      name,
      { title, ...z.toJSONSchema(schema, { target: 'draft-2020-12' }) },
    ]),
  );
}
