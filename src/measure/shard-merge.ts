import { isAvailable, unavailableBecause } from '../schema/availability.ts';
import type { Results, ShareFigures, VariantResult } from '../schema/results.ts';
import { ANSWER_KINDS, type AnswerKind } from '../schema/terms.ts';
import { UsageError } from '../util/errors.ts';
import { allShards } from './all-shards.ts';
import { answersOf } from './answers.ts';
import { decided } from './decide.ts';
import { isOfAll } from './domains.ts';
import { restoreChunk } from './share.ts';
import { flipsBetween, summarizeTasks } from './tasks.ts';
import { NO_REFERENCE, TextAccumulator } from './text-evaluation.ts';

/** A results file of one shard, and how messages name it. */
export interface ShardFile {
  readonly name: string;
  readonly results: Results;
}

type ItemShare = NonNullable<ShareFigures['tasks']>;

/**
 * Puts the shards of one evaluation together. Figures are computed again from what every chunk and item said, in the
 * order of the text, so that they equal those of a run on one machine to the last bit.
 * @throws UsageError `shards/missing`, `shards/overlap`, `shards/different`, `shards/incomplete`
 */
export function mergeShards(files: readonly ShardFile[]): Results {
  const ordered = allShards(files.map((file) => ({ ...file, shard: file.results.shard })));
  const [first] = ordered;
  if (first === undefined) throw new UsageError('shards/missing', 'there is no shard to put together');
  for (const other of ordered.slice(1)) requireSameRun(first, other);
  const { shard: _, ...common } = first.results;
  const rows = common.variants.map(({ name }) => mergeRow(name, ordered));
  const reference = rows.find(({ name }) => name === common.reference);
  const variants = rows.map((row) => withFlips(row, reference));
  const cpus = new Set(ordered.map(({ results }) => results.machine.cpu));
  const warnings = new Set(ordered.flatMap(({ results }) => results.warnings));
  if (cpus.size > 1) {
    warnings.add(
      `the shards ran on different processors (${[...cpus].join(', ')}), whose arithmetic may differ`,
    );
  }
  return {
    ...common,
    variants,
    ...decided({ ...common, variants }),
    warnings: [...warnings],
  };
}

/** Shards of one run differ in nothing that changes a number. */
function requireSameRun(first: ShardFile, other: ShardFile): void {
  const [a, b] = [first.results, other.results];
  const differing = [
    // The number of threads is found on each machine; it changes no figure that is shared.
    ...(sameSettings(a) === sameSettings(b) ? [] : ['settings']),
    ...(a.reference === b.reference ? [] : ['reference']),
    ...(versionsOf(a) === versionsOf(b) ? [] : [`versions (${versionsOf(b)}, not ${versionsOf(a)})`]),
    ...(identity(a) === identity(b) ? [] : ['models']),
  ];
  if (differing.length === 0) return;
  throw new UsageError(
    'shards/different',
    `${other.name} is no shard of the run that ${first.name} is of: other ${differing.join(', ')}`,
    { hint: 'Run all shards with the same models and options.' },
  );
}

/** What computes the figures: shards of two versions would be put together to what neither says. */
function versionsOf({ tool, machine: { engine } }: Results): string {
  const llamaCpp = isAvailable(engine) ? `, llama.cpp ${engine.llamaCpp} on ${engine.backend}` : '';
  return `quantscope ${tool.version}${llamaCpp}`;
}

function sameSettings({ settings }: Results): string {
  const { threads: _, promptThreads: __, threadSearch: ___, ...others } = settings;
  return JSON.stringify(others);
}

function identity({ variants }: Results): string {
  return JSON.stringify(variants.map(({ name, file }) => [name, file]));
}

function mergeRow(name: string, shards: readonly ShardFile[]): VariantResult {
  const rows = shards.flatMap(({ results }) => results.variants.filter((row) => row.name === name));
  const failed = rows.find(({ status }) => status === 'failed');
  const [base] = rows;
  if (base === undefined) throw new UsageError('shards/different', `no shard has a row ${name}`);
  const { share: _, ...measured } = failed ?? base;
  // A kept reference is in every shard as it was kept.
  if (failed !== undefined || rows.every(({ share }) => share === undefined)) return measured;
  const text = mergeText(name, rows);
  const answers = ANSWER_KINDS.flatMap((kind) => {
    const merged = mergeItems(name, rows, kind);
    return merged === null ? [] : [[kind, merged]];
  });
  return {
    ...measured,
    ...(text === null ? {} : text),
    ...Object.fromEntries(answers),
  };
}

function mergeText(
  name: string,
  rows: readonly VariantResult[],
): Pick<VariantResult, 'perplexity' | 'divergence' | 'domains'> | null {
  const texts = rows.flatMap(({ share }) => (share?.text === undefined ? [] : [share.text]));
  const [first] = texts;
  if (first === undefined) return null;
  const chunks = texts.flatMap((text) => text.chunks).sort((a, b) => a.index - b.index);
  requireAll(
    name,
    'chunks',
    chunks.map(({ index }) => index),
    first.total,
  );
  const { domains } = first;
  if (domains !== undefined && !isOfAll(domains, first.total)) {
    throw new UsageError('shards/incomplete', `${name}: the chunks of its texts are not those of the run`, {
      hint: 'Run the shard again: this file was changed.',
    });
  }
  const text = new TextAccumulator(first.contextSize, domains);
  for (const chunk of chunks) text.add(restoreChunk(chunk));
  const evaluated = text.finish();
  return { ...evaluated, divergence: evaluated.divergence ?? NO_REFERENCE };
}

function mergeItems(
  name: string,
  rows: readonly VariantResult[],
  kind: AnswerKind,
): VariantResult['tasks'] | null {
  const shares = rows.flatMap(({ share }) => (share?.[kind] === undefined ? [] : [share[kind]]));
  const [first] = shares;
  if (first === undefined) return null;
  const outcomes = sortedOutcomes(shares);
  requireAll(
    name,
    kind,
    outcomes.map(({ item }) => item),
    first.items,
  );
  return summarizeTasks(outcomes, outcomes, null);
}

function sortedOutcomes(shares: readonly ItemShare[]): ItemShare['outcomes'] {
  return shares.flatMap((share) => share.outcomes).sort((a, b) => a.item - b.item);
}

/** Flips once the reference's answers are whole. */
function withFlips(row: VariantResult, reference: VariantResult | undefined): VariantResult {
  const flipped = (kind: AnswerKind) => {
    const own = answersOf(row, kind);
    if (own === null) return {};
    if (row === reference) {
      const flips = unavailableBecause('it is the reference that the others are compared with');
      return { [kind]: { ...own, flips } };
    }
    const theirs = reference === undefined ? null : answersOf(reference, kind);
    if (theirs === null) return {};
    return { [kind]: { ...own, flips: flipsBetween(theirs.outcomes, own.outcomes) } };
  };
  return Object.assign({ ...row }, ...ANSWER_KINDS.map(flipped));
}

function requireAll(name: string, what: string, indexes: readonly number[], total: number): void {
  const isWhole = indexes.length === total && indexes.every((index, i) => index === i);
  if (isWhole) return;
  throw new UsageError(
    'shards/incomplete',
    `${name}: the shards hold ${new Set(indexes).size} of ${total} ${what}`,
    { hint: 'Complete the shard that was stopped with --resume, then put them together.' },
  );
}
