import { rm } from 'node:fs/promises';
import { type CacheContent, type Chosen, chooseCached, readCache } from '../../api/cache/choose.ts';
import { removeEntries, removePartials, verifyFile } from '../../hub/cache-manage.ts';
import { removeUrlFile } from '../../hub/url-cache.ts';
import { printable } from '../../report/text-width.ts';
import type { CacheList, CacheRemoval, CacheVerification } from '../../schema/cache.ts';
import { UsageError } from '../../util/errors.ts';
import { formatBytes } from '../../util/units.ts';
import { EXIT, type ExitCode } from '../exit.ts';
import { askYes, isInteractive } from '../question.ts';
import type { CacheOptions } from './command.ts';

/** `cache list`: repositories, their files, what came from plain addresses, and what is unfinished. */
export async function runCacheList({ json }: CacheOptions, signal: AbortSignal): Promise<ExitCode> {
  const content = await readCache(signal);
  const { folder, repos, urlFolder, urls, urlPartialBytes } = content;
  if (json)
    print<CacheList>({ schema: 'quantscope/cache@1', folder, repos, urlFolder, urls, urlPartialBytes });
  else process.stdout.write(`${describe(content).join('\n')}\n`);
  return EXIT.done;
}

function describe({ folder, repos, urlFolder, urls, urlPartialBytes }: CacheContent): string[] {
  const unfinished = (bytes: number): string => (bytes > 0 ? `, ${formatBytes(bytes)} unfinished` : '');
  const row = (bytes: number, text: string): string => `  ${formatBytes(bytes).padStart(10)}  ${text}`;
  const lines: string[] = [];
  for (const { repo, entries, revisions, sizeBytes, partialBytes } of repos) {
    lines.push(`${printable(repo)}  ${formatBytes(sizeBytes)}${unfinished(partialBytes)}`);
    for (const { commit, path, sizeBytes: bytes } of entries) {
      const names = revisions.find((each) => each.commit === commit)?.names.join(', ') || commit.slice(0, 8);
      lines.push(row(bytes, `${printable(path)}  (${printable(names)})`));
    }
  }
  const urlBytes = sum(urls.map(({ sizeBytes }) => sizeBytes));
  if (urls.length > 0 || urlPartialBytes > 0) {
    lines.push(`from other addresses  ${formatBytes(urlBytes)}${unfinished(urlPartialBytes)}`);
    for (const { address, sizeBytes, verified } of urls)
      lines.push(row(sizeBytes, `${printable(address)}${verified ? '' : '  (nothing to check it against)'}`));
  }
  const total = sum(repos.map(({ sizeBytes, partialBytes }) => sizeBytes + partialBytes));
  const noun = repos.length === 1 ? 'repository' : 'repositories';
  lines.push(`${repos.length} ${noun}, ${formatBytes(total)} in ${folder}`);
  if (urls.length > 0 || urlPartialBytes > 0) {
    const files = `${urls.length} file${urls.length === 1 ? '' : 's'} from other addresses`;
    lines.push(`${files}, ${formatBytes(urlBytes + urlPartialBytes)} in ${urlFolder}`);
  }
  return lines;
}

/** `cache verify`: every byte against the hash in the blob's name, or the one that came from the address. */
export async function runCacheVerify(
  refs: readonly string[],
  { json }: CacheOptions,
  signal: AbortSignal,
): Promise<ExitCode> {
  const chosen = await chooseCached(refs, await readCache(signal), signal);
  const files = [
    ...chosen.repos.flatMap(({ entries }) => entries.map((entry) => ({ ...entry, file: entry.path }))),
    ...chosen.urls.map((url) => ({ ...url, repo: null, file: url.address, objectId: url.sha256 })),
  ];
  const results: CacheVerification['files'][number][] = [];
  const seen = new Map<string, Awaited<ReturnType<typeof verifyFile>>>();
  for (const file of files) {
    // Revisions share blobs: each is read once.
    const key = file.objectId === null || file.repo === null ? file.place : `${file.repo} ${file.objectId}`;
    const verdict = seen.get(key) ?? (await verifyFile(file, signal));
    seen.set(key, verdict);
    const got =
      verdict.kind === 'damaged' ? verdict.got : verdict.kind === 'unreadable' ? verdict.reason : null;
    const { repo, file: name, sizeBytes: bytes, objectId: expected } = file;
    results.push({ repo, file: name, bytes, verdict: verdict.kind, expected, got });
    if (!json) process.stdout.write(`${verdict.kind.padEnd(8)} ${printable(shownName(repo, name))}\n`);
  }
  if (json) print<CacheVerification>({ schema: 'quantscope/cache-verify@1', files: results });
  const bad = results.filter(({ verdict }) => verdict === 'damaged' || verdict === 'unreadable');
  for (const { repo, file, verdict, got } of bad) {
    const ref = printable(repo === null ? file : `hf:${repo}/${file}`);
    const what = verdict === 'damaged' ? 'is damaged' : `cannot be read (${got})`;
    const cure = `quantscope cache remove --yes ${ref} && quantscope pull ${ref}`;
    process.stderr.write(`${ref} ${what}; mend it with: ${cure}\n`);
  }
  return bad.length > 0 ? EXIT.finding : EXIT.done;
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
  const content = await readCache(signal);
  const chosen = await chooseCached(refs, content, signal);
  const urlPartials = refs.length === 0 ? content.urlPartials : [];
  const bytes = partials
    ? sum(chosen.repos.map(({ repo }) => repo.partialBytes)) +
      (refs.length === 0 ? content.urlPartialBytes : 0)
    : sum(
        [...chosen.repos.flatMap(({ entries }) => entries), ...chosen.urls].map(({ sizeBytes }) => sizeBytes),
      );
  await confirmRemoval(partials ? 'unfinished downloads' : namesOf(chosen), bytes, yes, signal);
  for (const { repo, entries, isWhole } of chosen.repos) {
    if (partials) await removePartials(repo);
    else await removeEntries(repo, entries, isWhole);
  }
  if (partials) for (const path of urlPartials) await rm(path, { force: true });
  else for (const { place } of chosen.urls) await removeUrlFile(place);
  if (json) {
    const places = [...chosen.repos.flatMap(({ entries }) => entries), ...chosen.urls].map(
      ({ place }) => place,
    );
    print<CacheRemoval>({ schema: 'quantscope/cache-remove@1', bytes, files: partials ? [] : places });
  } else process.stdout.write(`removed ${formatBytes(bytes)}\n`);
  return EXIT.done;
}

const MOST_NAMED = 5;

function namesOf({ repos, urls }: Chosen): string {
  const names = [
    ...repos.flatMap(({ entries }) => entries.map(({ repo, path }) => shownName(repo, path))),
    ...urls.map(({ address }) => address),
  ];
  const more = names.length - MOST_NAMED;
  return printable([...names.slice(0, MOST_NAMED), ...(more > 0 ? [`${more} more`] : [])].join(', '));
}

function shownName(repo: string | null, file: string): string {
  return repo === null ? file : `${repo}/${file}`;
}

async function confirmRemoval(what: string, bytes: number, yes: boolean, signal: AbortSignal): Promise<void> {
  if (yes) return;
  if (isInteractive() && (await askYes(`Remove ${what} (${formatBytes(bytes)})?`, signal))) return;
  throw new UsageError(
    'cache/declined',
    `nothing was removed; it would have been ${what} (${formatBytes(bytes)})`,
    { hint: 'Add --yes to remove without a question.' },
  );
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

function print<Contract>(value: Contract): void {
  process.stdout.write(`${JSON.stringify(value, null, 2)}\n`);
}
