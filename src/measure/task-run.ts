import type { ContextOptions, EngineSession, LoadedModel } from '../engine/engine.ts';
import type { CompletionRequest } from '../engine/replies.ts';
import { judge } from './judge.ts';
import type { Judged, TaskItem } from './tasks.ts';

/** How one item of a list came out. */
export interface ItemOutcome extends Judged {
  readonly item: number;
}

/** A loaded model, and how it is asked. */
export interface AskedModel {
  readonly session: EngineSession;
  readonly model: LoadedModel;
  readonly chatTemplate: string | null;
  /** What the context for the replies is opened with, but for its size. */
  readonly context: ContextOptions;
  /** Of all layers, for how many replies can grow side by side. */
  readonly kvBytesPerToken: number;
}

export interface ItemHooks<Outcome> {
  readonly onItem: (done: number, total: number) => void;
  /** Which groups of items are this run's. */
  readonly isOwn: (group: number) => boolean;
  /** Asked after each group, with all outcomes so far: whether no more are needed. Default: never. */
  readonly isEnough?: (outcomes: readonly Outcome[]) => boolean;
}

/** Room for a reply where the item does not say: answers are asked to be short. */
export const DEFAULT_REPLY_TOKENS = 32;

/** Replies that grow side by side, as long as their caches stay within the budget. */
const MAXIMUM_SEQUENCES = 16;
const CACHE_BUDGET_BYTES = 512 * 1024 * 1024;

/** llama.cpp pads a sequence's cache to multiples of this (n_ctx_seq, llama-context.cpp). */
const CACHE_PADDING_TOKENS = 256;

/** Items are handed over in groups of so many a sequence, so that progress can be told in between. */
const ITEMS_A_SEQUENCE = 4;

/**
 * Asks every item once, through the model's own chat template, and decides it. Greedy, so that it repeats exactly.
 * Opens a context of its own.
 * @returns the outcomes of the items that are this run's and were asked, in their order
 */
export async function runTasks(
  asked: AskedModel,
  items: readonly TaskItem[],
  { isEnough = () => false, ...hooks }: ItemHooks<ItemOutcome>,
): Promise<readonly ItemOutcome[]> {
  const { session, model, chatTemplate } = asked;
  const requests: CompletionRequest[] = [];
  for (const { prompt, before = '', maxTokens, isRaw = false, stopTexts = [] } of items) {
    const text = before + prompt;
    requests.push({
      prompt: isRaw
        ? await rawPrompt(session, model, text)
        : await session.chatPrompt([{ role: 'user', content: text }], chatTemplate),
      maxTokens: maxTokens ?? DEFAULT_REPLY_TOKENS,
      stopTexts,
    });
  }
  const outcomes: ItemOutcome[] = [];
  const judged = (replies: readonly ItemReply[]): readonly ItemOutcome[] => {
    for (const { item, text } of replies.slice(outcomes.length)) {
      const task = items[item];
      if (task !== undefined) outcomes.push({ item, ...judge(task, text), reply: text });
    }
    return outcomes;
  };
  const replies = await completeItems(asked, requests, ITEMS_A_SEQUENCE, {
    ...hooks,
    isEnough: (soFar) => isEnough(judged(soFar)),
  });
  return judged(replies);
}

/** The reply to an item of a list. */
export interface ItemReply {
  readonly item: number;
  readonly text: string;
}

/**
 * Greedy replies to the requests of this run's groups, as many side by side as the caches have memory for. Opens a
 * context of its own, as large as the longest request needs and the model was trained for.
 * @param itemsASequence how many items a sequence are handed over at once
 */
export async function completeItems(
  { session, model, context, kvBytesPerToken }: AskedModel,
  requests: readonly CompletionRequest[],
  itemsASequence: number,
  { onItem, isOwn, isEnough = () => false }: ItemHooks<ItemReply>,
): Promise<ItemReply[]> {
  const longest = Math.max(0, ...requests.map(({ prompt, maxTokens }) => prompt.length + maxTokens));
  const contextSize = Math.min(
    Math.ceil(longest / CACHE_PADDING_TOKENS) * CACHE_PADDING_TOKENS,
    Math.max(model.trainContextSize, CACHE_PADDING_TOKENS),
  );
  const affordable = Math.floor(CACHE_BUDGET_BYTES / (contextSize * Math.max(1, kvBytesPerToken)));
  const sequences = Math.min(MAXIMUM_SEQUENCES, requests.length, Math.max(1, affordable));
  await session.openContext({ ...context, contextSize, sequences });

  // Groups are made of all items, so that a share of them is evaluated just as it is among the whole.
  const groupSize = sequences * itemsASequence;
  const replies: ItemReply[] = [];
  for (let start = 0; start < requests.length; start += groupSize) {
    if (!isOwn(start / groupSize)) continue;
    const completions = await session.complete(requests.slice(start, start + groupSize));
    for (const [index, { text }] of completions.entries()) replies.push({ item: start + index, text });
    onItem(replies.length, requests.length);
    if (isEnough(replies)) break;
  }
  return replies;
}

async function rawPrompt(
  session: EngineSession,
  { addsBos, bosToken }: LoadedModel,
  text: string,
): Promise<Uint32Array> {
  const tokens = await session.tokenize(text, false);
  return addsBos && bosToken !== null ? Uint32Array.of(bosToken, ...tokens) : tokens;
}
