import { basename } from 'node:path';
import { listCached, type PlannedRemoval, removeCached, verifyCached } from '../../api/cache/cache.ts';

import { type Column, fillColumns } from '../../report/table.ts';
import { rowLines, type TextLayout, tableText } from '../../report/table-text.ts';
import { printable } from '../../report/text-width.ts';
import type { CacheList, CacheVerification } from '../../schema/cache.ts';
import { UsageError } from '../../util/errors.ts';
import { sum } from '../../util/sum.ts';
import { counted, formatBytes } from '../../util/units.ts';
import { EXIT, type ExitCode } from '../exit.ts';
import { printDocument } from '../output.ts';
import { askYes, isInteractive } from '../question.ts';
import { stdoutLayout } from '../style.ts';

export interface CacheOptions {
  json?: boolean;
  yes?: boolean;
  partials?: boolean;
}

export async function runCacheList({ json }: CacheOptions, signal: AbortSignal): Promise<ExitCode> {
  const list = await listCached({ signal });
  printDocument(list, json, () => describe(list, stdoutLayout(Number.POSITIVE_INFINITY)));
  return EXIT.done;
}

interface CachedFile {
  readonly bytes: number;
  readonly text: string;
}

const STORES = { ollama: 'of Ollama', lmstudio: 'of LM Studio' } as const;

/** As wide as any size is, so that the files of all repositories stand in one line. */
const FILE_COLUMNS: readonly Column<CachedFile>[] = [
  { title: '', least: 10, read: ({ bytes }) => formatBytes(bytes) },
  { title: '', overflow: 'wrap', read: ({ text }) => text },
];

function describe(list: CacheList, layout: TextLayout): string {
  const {
    folder,
    repos,
    totalBytes,
    orphans,
    urlFolder,
    urls,
    urlPartialBytes,
    madeFolder,
    made,
    madeLeftoverBytes,
    stores,
  } = list;
  const part = (title: string, bytes: number, unfinished: number, files: readonly CachedFile[]): string[] => [
    `${title}  ${formatBytes(bytes)}${unfinished > 0 ? `, ${formatBytes(unfinished)} unfinished` : ''}`,
    ...tableText({ title: '', columns: fillColumns(FILE_COLUMNS, files) }, layout).map((line) => `  ${line}`),
  ];
  const ofRepos = repos.flatMap(({ repo, entries, revisions, sizeBytes, sharedBytes, partialBytes }) => {
    const files = entries.map(({ commit, path, sizeBytes: bytes }) => {
      const names = revisions.find((each) => each.commit === commit)?.names.join(', ') || commit.slice(0, 8);
      return { bytes, text: `${printable(path)}  (${printable(names)})` };
    });
    return part(
      `${printable(repo)}${sharedBytes > 0 ? ` (${formatBytes(sharedBytes)} of it shared)` : ''}`,
      sizeBytes,
      partialBytes,
      files,
    );
  });
  const orphanBytes = sum(orphans.map(({ sizeBytes }) => sizeBytes));
  const noun = repos.length === 1 ? 'repository' : 'repositories';
  const ofUrls = urls.map(({ address, sizeBytes, verified }) => ({
    bytes: sizeBytes,
    text: printable(address) + (verified ? '' : '  (nothing to check it against)'),
  }));
  const ofMade = made.map(({ place, source, sizeBytes }) => ({
    bytes: sizeBytes,
    text: `made:${printable(basename(place))}  (of ${printable(source)})`,
  }));
  const others = [
    { name: 'from other addresses', files: ofUrls, unfinished: urlPartialBytes, within: urlFolder },
    { name: 'made here', files: ofMade, unfinished: madeLeftoverBytes, within: madeFolder },
    ...stores.map(({ name, folder: within, models }) => ({
      name: STORES[name],
      files: models.map(({ ref, sizeBytes }) => ({ bytes: sizeBytes, text: printable(ref) })),
      unfinished: 0,
      within,
    })),
  ].filter(({ files, unfinished }) => files.length > 0 || unfinished > 0);
  const sizeOf = (files: readonly CachedFile[]): number => sum(files.map(({ bytes }) => bytes));
  return [
    ...ofRepos,
    ...others.flatMap(({ name, files, unfinished }) => part(name, sizeOf(files), unfinished, files)),
    `${repos.length} ${noun}, ${formatBytes(totalBytes)} in ${folder}`,
    ...(orphanBytes === 0
      ? []
      : [`${formatBytes(orphanBytes)} that nothing needs any more: quantscope cache remove --partials`]),
    ...others.map(({ name, files, unfinished, within }) => {
      const bytes = formatBytes(sizeOf(files) + unfinished);
      return `${counted(files.length, 'file')} ${name}, ${bytes} in ${within}`;
    }),
  ].join('\n');
}

/** Rows are printed as they come, for scripts too. */
const VERDICT_COLUMNS: readonly Column<CacheVerification['files'][number]>[] = [
  { title: '', align: 'left', least: 'damaged'.length, read: ({ verdict }) => verdict },
  {
    title: '',
    align: 'left',
    read: ({ repo, file }) => printable(repo === null ? file : `${repo}/${file}`),
  },
];

/** Prints each verdict as it is known, and on stderr how to mend what is damaged. */
export async function runCacheVerify(
  refs: readonly string[],
  { json }: CacheOptions,
  signal: AbortSignal,
): Promise<ExitCode> {
  const verification = await verifyCached(refs, {
    signal,
    onFile: (verified) => {
      if (json) return;
      const columns = fillColumns(VERDICT_COLUMNS, [verified]);
      for (const line of rowLines({ title: '', columns }, stdoutLayout())) process.stdout.write(`${line}\n`);
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
