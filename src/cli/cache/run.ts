import { createInterface } from 'node:readline/promises';
import {
  type CachedRepo,
  entriesOfRef,
  listCache,
  parseRef,
  removeEntries,
  removePartials,
  verifyEntry,
} from '../../hub/index.ts';
import { printable } from '../../report/text-width.ts';
import { UsageError } from '../../util/errors.ts';
import { formatBytes } from '../../util/units.ts';
import { EXIT, type ExitCode } from '../exit.ts';
import { refAccess } from '../ref-access.ts';
import type { CacheOptions } from './command.ts';

type Entry = CachedRepo['entries'][number];

/** `cache list`: repositories, their files and what is unfinished. */
export async function runCacheList({ json }: CacheOptions): Promise<ExitCode> {
  const { hub } = await refAccess({ signal: new AbortController().signal });
  const { cacheFolder } = hub.settings;
  const repos = await listCache(cacheFolder);
  if (json) {
    print({ schema: 'quantscope/cache@1', folder: cacheFolder, repos });
    return EXIT.done;
  }
  const lines: string[] = [];
  for (const { repo, entries, revisions, sizeBytes, partialBytes } of repos) {
    const unfinished = partialBytes > 0 ? `, ${formatBytes(partialBytes)} unfinished` : '';
    lines.push(`${printable(repo)}  ${formatBytes(sizeBytes)}${unfinished}`);
    for (const { commit, path, sizeBytes: bytes } of entries) {
      const names = revisions.find((each) => each.commit === commit)?.names.join(', ') || commit.slice(0, 8);
      lines.push(`  ${formatBytes(bytes).padStart(10)}  ${printable(path)}  (${names})`);
    }
  }
  const total = repos.reduce((sum, { sizeBytes, partialBytes }) => sum + sizeBytes + partialBytes, 0);
  lines.push(`${repos.length} repositories, ${formatBytes(total)} in ${cacheFolder}`);
  process.stdout.write(`${lines.join('\n')}\n`);
  return EXIT.done;
}

/** `cache verify`: every byte against the hash in the blob's name. */
export async function runCacheVerify(
  refs: readonly string[],
  { json }: CacheOptions,
  signal: AbortSignal,
): Promise<ExitCode> {
  const chosen = await choose(refs, signal);
  const verdicts: {
    repo: string;
    file: string;
    bytes: number;
    verdict: string;
    expected: string | null;
    got: string | null;
  }[] = [];
  const seen = new Map<string, Awaited<ReturnType<typeof verifyEntry>>>();
  for (const entry of chosen.flatMap(({ entries }) => entries)) {
    // Revisions share blobs: each is read once.
    const key = entry.objectId === null ? entry.place : `${entry.repo} ${entry.objectId}`;
    const verdict = seen.get(key) ?? (await verifyEntry(entry, signal));
    seen.set(key, verdict);
    verdicts.push({
      repo: entry.repo,
      file: entry.path,
      bytes: entry.sizeBytes,
      verdict: verdict.kind,
      expected: entry.objectId,
      got: verdict.kind === 'damaged' ? verdict.got : null,
    });
    if (!json)
      process.stdout.write(`${verdict.kind.padEnd(8)} ${printable(`${entry.repo}/${entry.path}`)}\n`);
  }
  const damaged = verdicts.filter(({ verdict }) => verdict === 'damaged');
  if (json) print({ schema: 'quantscope/cache-verify@1', files: verdicts });
  for (const { repo, file } of damaged) {
    const ref = printable(`hf:${repo}/${file}`);
    process.stderr.write(
      `${ref} is damaged; mend it with: quantscope cache remove ${ref} && quantscope pull ${ref}\n`,
    );
  }
  return damaged.length > 0 ? EXIT.finding : EXIT.done;
}

/** `cache remove`: files of refs, or unfinished downloads. */
export async function runCacheRemove(
  refs: readonly string[],
  { json, yes = false, partials = false }: CacheOptions,
  signal: AbortSignal,
): Promise<ExitCode> {
  if (refs.length === 0 && !partials) {
    throw new UsageError('cache/nothing-named', 'nothing was named to be removed', {
      hint: 'Name a repository, or remove unfinished downloads with --partials.',
    });
  }
  const chosen = await choose(refs, signal);
  const bytes = chosen.reduce(
    (sum, { repo, entries }) =>
      sum + (partials ? repo.partialBytes : entries.reduce((own, each) => own + each.sizeBytes, 0)),
    0,
  );
  const what = partials
    ? 'unfinished downloads'
    : chosen
        .flatMap(({ entries }) => entries)
        .map(({ repo, path }) => `${repo}/${path}`)
        .join(', ');
  await confirmRemoval(printable(what), bytes, yes, signal);
  for (const { repo, entries } of chosen) {
    if (partials) await removePartials(repo);
    else await removeEntries(repo, entries);
  }
  if (json) {
    const files = partials ? [] : chosen.flatMap(({ entries }) => entries.map(({ place }) => place));
    print({ schema: 'quantscope/cache-remove@1', bytes, files });
  } else process.stdout.write(`removed ${formatBytes(bytes)}\n`);
  return EXIT.done;
}

async function choose(
  refs: readonly string[],
  signal: AbortSignal,
): Promise<{ readonly repo: CachedRepo; readonly entries: readonly Entry[] }[]> {
  const { hub, catalogue } = await refAccess({ signal });
  const repos = await listCache(hub.settings.cacheFolder);
  if (refs.length === 0) return repos.map((repo) => ({ repo, entries: repo.entries }));
  const chosen = new Map<CachedRepo, Set<Entry>>();
  for (const text of refs) {
    const isBare = /^[\w.-]+\/[\w.-]+$/.test(text);
    const ref = parseRef(isBare ? `hf:${text}` : text, {
      catalogueNames: [...catalogue.keys()],
      endpoint: hub.settings.endpoint,
    });
    const found = entriesOfRef(ref, repos, catalogue);
    if (found.length === 0) {
      throw new UsageError('cache/not-found', `${text} is not in the cache`, {
        hint: 'What is there is shown by: quantscope cache list',
      });
    }
    for (const { repo, entries } of found)
      chosen.set(repo, new Set([...(chosen.get(repo) ?? []), ...entries]));
  }
  return [...chosen].map(([repo, entries]) => ({ repo, entries: [...entries] }));
}

async function confirmRemoval(what: string, bytes: number, yes: boolean, signal: AbortSignal): Promise<void> {
  if (yes) return;
  if (process.stdin.isTTY === true && process.stderr.isTTY === true) {
    const prompt = createInterface({ input: process.stdin, output: process.stderr });
    try {
      const answer = await prompt.question(`Remove ${what} (${formatBytes(bytes)})? [y/N] `, { signal });
      if (/^y(?:es)?$/i.test(answer.trim())) return;
    } finally {
      prompt.close();
    }
  }
  throw new UsageError(
    'cache/declined',
    `nothing was removed; it would have been ${what} (${formatBytes(bytes)})`,
    {
      hint: 'Add --yes to remove without a question.',
    },
  );
}

function print(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value, null, 2)}\n`);
}
