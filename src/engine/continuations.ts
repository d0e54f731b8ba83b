import type { BatchPart } from './batch.ts';
import type { Context } from './context.ts';
import { COLUMN_COUNT, COLUMNS } from './row-scorer.ts';
import { notFinite } from './scorer.ts';
import type { ContinuationItem } from './scores.ts';
import type { ScoringThreads } from './scoring-threads.ts';

/** What is asked of one row of logits: tokens that may come next, and where their log-probabilities go. */
interface Question {
  readonly token: number;
  readonly scores: Float64Array;
  readonly at: number;
}

/** Tokens in a row, of one sequence or of several that share them; a question list for each that asks for output. */
interface Run extends BatchPart {
  readonly questions: readonly (readonly Question[])[];
}

const EVERY_SEQUENCE = -1;

/**
 * Scores continuations in the order of the groups, each group in batches of its own: beside others its figures would
 * differ in their last digits, since a larger batch is computed in another order. Only what items say they share with
 * their kind is kept from one group to the next.
 * @param splits whether each continuation is evaluated by itself, for models whose state cannot be shared
 * @returns by item of all groups, and by continuation
 */
export async function scoreContinuations(
  context: Context,
  threads: ScoringThreads,
  groups: readonly (readonly ContinuationItem[])[],
  splits: boolean,
): Promise<Float64Array[][]> {
  const all: Float64Array[][] = [];
  let held: Uint32Array = new Uint32Array();
  for (const group of groups) {
    const scores = group.map(({ continuations, behind }) =>
      continuations.map(({ length }) => new Float64Array(length + (behind === undefined ? 0 : 1))),
    );
    all.push(...scores);
    if (splits) {
      for (const single of group.flatMap((item, index) => singlesOf(item, scores[index] ?? []))) {
        context.clear();
        await evaluate(context, threads, runsOf([single.item], 0, [[single.scores]]));
      }
      continue;
    }
    const beginning = beginningOf(group);
    const isHeld = beginning.length > 0 && sameTokens(held, beginning);
    if (!isHeld || !context.forget(EVERY_SEQUENCE, held.length)) {
      context.clear();
      held = beginning;
      const width = context.options.sequences;
      if (held.length > 0) await evaluate(context, threads, [silent(0, width, 0, held)]);
    }
    await evaluate(context, threads, runsOf(group, held.length, scores));
  }
  return all;
}

/** What all items of a group share with their kind; nothing where they differ. */
function beginningOf(group: readonly ContinuationItem[]): Uint32Array {
  const [first, ...others] = group.map(({ prefix, shared = 0 }) =>
    prefix.subarray(0, Math.min(shared, prefix.length - 1)),
  );
  return first !== undefined && others.every((other) => sameTokens(first, other)) ? first : new Uint32Array();
}

function singlesOf(item: ContinuationItem, scores: readonly Float64Array[]) {
  return item.continuations.map((continuation, index) => ({
    item: {
      ...item,
      continuations: [continuation],
      ...(item.behind && { behind: item.behind.slice(index) }),
    },
    scores: scores[index] ?? new Float64Array(continuation.length),
  }));
}

async function evaluate(context: Context, threads: ScoringThreads, runs: Iterable<Run>): Promise<void> {
  for (const batch of batchesOf(runs, context.options.batchSize)) {
    await context.evaluateParts(batch);
    answer(context, threads, batch);
  }
}

/**
 * Of each item the prefix for all, then each continuation for itself, its last token too although nothing follows it:
 * batches are then those of llama-perplexity, and so are the figures.
 */
function* runsOf(
  items: readonly ContinuationItem[],
  start: number,
  scores: readonly (readonly Float64Array[])[],
): Generator<Run> {
  let base = 0;
  for (const [index, { prefix, continuations, behind }] of items.entries()) {
    const own = scores[index] ?? [];
    const width = continuations.length;
    const last = prefix.length - 1;
    if (last > start) yield silent(base, width, start, prefix.subarray(start, last));
    const firsts = continuations.flatMap(([token], which): Question[] => {
      const its = own[which];
      return token === undefined || its === undefined ? [] : [{ token, scores: its, at: 0 }];
    });
    const tokens = prefix.subarray(last);
    yield { sequence: base, width, position: last, tokens, firstOutput: 0, questions: [firsts] };
    for (const [which, continuation] of continuations.entries()) {
      const its = own[which];
      if (continuation.length === 0 || its === undefined) continue;
      const sequence = base + which;
      const next = behind?.[which];
      const asked = [...continuation.subarray(1), ...(next === undefined ? [] : [next])];
      const questions = asked.map((token, i) => [{ token, scores: its, at: i + 1 }]);
      const [heard, rest] = [continuation.subarray(0, asked.length), continuation.subarray(asked.length)];
      const position = prefix.length;
      if (heard.length > 0) yield { sequence, position, tokens: heard, firstOutput: 0, questions };
      if (rest.length > 0) yield silent(sequence, 1, position + heard.length, rest);
    }
    base += width;
  }
}

function silent(sequence: number, width: number, position: number, tokens: Uint32Array): Run {
  return { sequence, width, position, tokens, firstOutput: tokens.length, questions: [] };
}

/** Cut so that each fits a batch. */
function* batchesOf(runs: Iterable<Run>, batchSize: number): Generator<Run[]> {
  let [batch, used]: [Run[], number] = [[], 0];
  for (const run of runs) {
    for (let start = 0; start < run.tokens.length; ) {
      const end = Math.min(run.tokens.length, start + batchSize - used);
      const isSilent = run.questions.length === 0;
      batch.push({
        ...run,
        position: run.position + start,
        tokens: run.tokens.subarray(start, end),
        firstOutput: isSilent ? end - start : 0,
        questions: isSilent ? [] : run.questions.slice(start, end),
      });
      used += end - start;
      start = end;
      if (used < batchSize) continue;
      yield batch;
      [batch, used] = [[], 0];
    }
  }
  if (batch.length > 0) yield batch;
}

/** A row says the log-probability of one token; others differ from it as their logits do. */
function answer(context: Context, threads: ScoringThreads, runs: readonly Run[]): void {
  const asked = runs.flatMap(({ questions }) => questions);
  if (asked.length === 0) return;
  const { threads: single, promptThreads = single } = context.options;
  const nextTokens = Int32Array.from(asked, ([first]) => first?.token ?? 0);
  const scored = threads.score({ address: context.rowsAddress(), nextTokens, file: null }, promptThreads);
  const rows = asked.some(({ length }) => length > 1) ? context.rows(asked.length) : null;
  for (const [row, questions] of asked.entries()) {
    const known = scored[row * COLUMN_COUNT + COLUMNS.nextLogProb] ?? Number.NaN;
    if (!Number.isFinite(known)) throw notFinite();
    const logit = (token: number) => rows?.[row * threads.vocabularySize + token] ?? Number.NaN;
    const first = questions[0]?.token ?? 0;
    for (const { token, scores, at } of questions) {
      scores[at] = token === first ? known : known + logit(token) - logit(first);
    }
  }
}

function sameTokens(one: Uint32Array, other: Uint32Array): boolean {
  return one.length === other.length && one.every((token, i) => token === other[i]);
}
