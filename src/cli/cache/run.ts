import { basename } from 'node:path';
import { listCached, type PlannedRemoval, removeCached, verifyCached } from '../../api/cache/cache.ts';
import { printable } from '../../report/text-width.ts';
import type { CacheList } from '../../schema/cache.ts';
import { UsageError } from '../../util/errors.ts';
import { formatBytes } from '../../util/units.ts';
import { EXIT, type ExitCode } from '../exit.ts';
import { printDocument } from '../output.ts';
import { askYes, isInteractive } from '../question.ts';

export interface CacheOptions {
  json?: boolean;
  yes?: boolean;
  partials?: boolean;
}

export async function runCacheList({ json }: CacheOptions, signal: AbortSignal): Promise<ExitCode> {
  const list = await listCached({ signal });
  printDocument(list, json, () => describe(list).join('\n'));
  return EXIT.done;
}

function describe(list: CacheList): string[] {
  const { folder, repos, urlFolder, urls, urlPartialBytes, madeFolder, made, madeLeftoverBytes } = list;
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
  const urlBytes = urls.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  if (urls.length > 0 || urlPartialBytes > 0) {
    lines.push(`from other addresses  ${formatBytes(urlBytes)}${unfinished(urlPartialBytes)}`);
    for (const { address, sizeBytes, verified } of urls)
      lines.push(row(sizeBytes, `${printable(address)}${verified ? '' : '  (nothing to check it against)'}`));
  }
  const madeBytes = made.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  if (made.length > 0 || madeLeftoverBytes > 0) {
    lines.push(`made here  ${formatBytes(madeBytes)}${unfinished(madeLeftoverBytes)}`);
    for (const { place, source, sizeBytes } of made)
      lines.push(row(sizeBytes, `made:${printable(basename(place))}  (of ${printable(source)})`));
  }
  const total = repos.reduce((sum, { sizeBytes, partialBytes }) => sum + sizeBytes + partialBytes, 0);
  const noun = repos.length === 1 ? 'repository' : 'repositories';
  lines.push(`${repos.length} ${noun}, ${formatBytes(total)} in ${folder}`);
  if (urls.length > 0 || urlPartialBytes > 0) {
    const files = `${urls.length} file${urls.length === 1 ? '' : 's'} from other addresses`;
    lines.push(`${files}, ${formatBytes(urlBytes + urlPartialBytes)} in ${urlFolder}`);
  }
  if (made.length > 0 || madeLeftoverBytes > 0) {
    const files = `${made.length} file${made.length === 1 ? '' : 's'} made here`;
    lines.push(`${files}, ${formatBytes(madeBytes + madeLeftoverBytes)} in ${madeFolder}`);
  }
  return lines;
}

/** Prints each verdict as it is known, and on stderr how to mend what is damaged. */
export async function runCacheVerify(
  refs: readonly string[],
  { json }: CacheOptions,
  signal: AbortSignal,
): Promise<ExitCode> {
  const verification = await verifyCached(refs, {
    signal,
    onFile: ({ repo, file, verdict }) => {
      const name = repo === null ? file : `${repo}/${file}`;
      if (!json) process.stdout.write(`${verdict.padEnd(8)} ${printable(name)}\n`);
    },
  });
  if (json) process.stdout.write(`${JSON.stringify(verification, null, 2)}\n`);
  const bad = verification.files.filter(({ verdict }) => verdict === 'damaged' || verdict === 'unreadable');
  for (const { repo, file, verdict, got } of bad) {
    const ref = printable(repo === null ? file : `hf:${repo}/${file}`);
    const what = verdict === 'damaged' ? 'is damaged' : `cannot be read (${got})`;
    const again = file.startsWith('made:') ? 'make it again' : `quantscope pull ${ref}`;
    const cure = `quantscope cache remove --yes ${ref} && ${again}`;
    process.stderr.write(`${ref} ${what}; mend it with: ${cure}\n`);
  }
  return bad.length > 0 ? EXIT.finding : EXIT.done;
}

export async function runCacheRemove(
  refs: readonly string[],
  { json, yes = false, partials = false }: CacheOptions,
  signal: AbortSignal,
): Promise<ExitCode> {
  const confirm = (removal: PlannedRemoval) => confirmRemoval(removal, signal);
  const removed = await removeCached(refs, { partials, signal, ...(yes ? {} : { confirm }) });
  printDocument(removed, json, () => `removed ${formatBytes(removed.bytes)}`);
  return EXIT.done;
}

const MOST_NAMED = 5;

/** @throws UsageError `cache/declined` */
async function confirmRemoval({ names, bytes }: PlannedRemoval, signal: AbortSignal): Promise<void> {
  const shown = names?.slice(0, MOST_NAMED) ?? ['unfinished downloads'];
  const more = (names?.length ?? 0) - MOST_NAMED;
  const list = printable([...shown, ...(more > 0 ? [`${more} more`] : [])].join(', '));
  const what = `${list} (${formatBytes(bytes)})`;
  if (isInteractive() && (await askYes(`Remove ${what}?`, signal))) return;
  throw new UsageError('cache/declined', `nothing was removed; it would have been ${what}`, {
    hint: 'Add --yes to remove without a question.',
  });
}
