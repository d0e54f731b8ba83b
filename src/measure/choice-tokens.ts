import type { EngineSession, LoadedModel } from '../engine/engine.ts';
import type { ContinuationItem } from '../engine/scores.ts';
import { type ChoiceItem, type ChoiceMeasure, chosenOf } from './choices.ts';

/** An item as the engine scores it, and what its scores decide. */
export interface TokenizedChoice {
  readonly parts: readonly ContinuationItem[];
  /** Which choice each measure takes. @param scores by part and continuation, as the engine gives them */
  chosen(scores: readonly (readonly Float64Array[])[]): Readonly<Record<ChoiceMeasure, number>>;
}

/** llama-perplexity scores the answer too where this few tokens or fewer follow it (k_min_trailing_ctx). */
const MIN_TRAILING_TOKENS = 3;

/** Tokens that it takes in a cache. */
export function tokensOf({ prefix, continuations }: ContinuationItem): number {
  return continuations.reduce((sum, { length }) => sum + length, prefix.length);
}

/** Tokens of the items, in their order. */
export async function tokenizeChoices(
  session: EngineSession,
  model: LoadedModel,
  items: readonly ChoiceItem[],
  chatTemplate: string | null,
): Promise<TokenizedChoice[]> {
  const texts = items.map(textsOf);
  const befores = [...new Set(items.map(({ before }) => before.trimEnd()))];
  const plain = await session.tokenizeAll([...befores, ...texts.flat()], false);
  const bos = model.addsBos && model.bosToken !== null ? [model.bosToken] : [];
  const tokenized: TokenizedChoice[] = [];
  let at = befores.length;
  for (const [index, item] of items.entries()) {
    const own = plain.slice(at, at + (texts[index]?.length ?? 0));
    at += own.length;
    const whole = own.map((tokens) => Uint32Array.of(...bos, ...tokens));
    switch (item.form) {
      case 'chat': {
        const messages = [{ role: 'user', content: item.before + item.prompt }] as const;
        tokenized.push(chatTokens(item, await session.chatPrompt(messages, chatTemplate), own));
        break;
      }
      case 'lm-eval':
        tokenized.push(harnessTokens(item, whole));
        break;
      case 'llama-perplexity':
        tokenized.push(sharedTokens(item, whole));
        break;
      case 'llama-winogrande':
        tokenized.push(winograndeTokens(whole));
        break;
    }
  }
  const beginnings = new Map(
    befores.map((before, index) => [before, Uint32Array.of(...bos, ...(plain[index] ?? []))]),
  );
  return tokenized.map((each, index) => {
    const before = items[index]?.before.trimEnd() ?? '';
    const beginning = before === '' ? undefined : beginnings.get(before);
    return beginning === undefined
      ? each
      : { ...each, parts: each.parts.map((part) => withShared(part, beginning)) };
  });
}

/** Where what comes before all items of a task is cut by itself and in the item alike. */
function withShared(part: ContinuationItem, beginning: Uint32Array): ContinuationItem {
  let shared = 0;
  while (shared < beginning.length && beginning[shared] === part.prefix[shared]) shared++;
  return { ...part, shared };
}

/** What of an item is tokenized by itself, in the order that its form takes it up. */
function textsOf({ form, before, prompt, choices, ending }: ChoiceItem): string[] {
  const context = before + prompt;
  switch (form) {
    case 'chat':
      return [...choices];
    case 'lm-eval': {
      // Spaces at the end of a context belong to what follows it.
      const contexts = ending === null ? [context] : choices.map((choice) => context + choice);
      const wholes =
        ending === null
          ? choices.map((choice) => `${context} ${choice}`)
          : choices.map((choice) => `${context}${choice} ${ending}`);
      return [...contexts.map((text) => text.trimEnd()), ...wholes];
    }
    case 'llama-perplexity':
      return choices.map((choice) => `${context} ${choice}`);
    case 'llama-winogrande':
      return [
        ...choices.map((choice) => context + choice + (ending ?? '')),
        ...choices.map((choice) => context + choice),
      ];
  }
}

function chatTokens(item: ChoiceItem, prompt: Uint32Array, choices: readonly Uint32Array[]): TokenizedChoice {
  return sharedTokens(
    item,
    choices.map((choice) => Uint32Array.of(...prompt, ...choice)),
  );
}

/** All of what the choices have in common is the prefix; of each at least one token is left to score. */
function sharedTokens({ choices }: ChoiceItem, whole: readonly Uint32Array[]): TokenizedChoice {
  const common = commonPrefix(whole);
  const prefix = whole[0]?.subarray(0, common) ?? new Uint32Array();
  const part: ContinuationItem = { prefix, continuations: whole.map((tokens) => tokens.subarray(common)) };
  return {
    parts: [part],
    chosen: ([scores = []]) =>
      chosenBy(
        choices,
        scores.map(sumOf),
        scores.map(({ length }) => length),
      ),
  };
}

/** The continuation is what the whole has beyond as many tokens as the context has. */
function harnessTokens({ choices, ending }: ChoiceItem, texts: readonly Uint32Array[]): TokenizedChoice {
  const contexts = texts.slice(0, texts.length - choices.length);
  const wholes = texts.slice(contexts.length);
  const pairs = wholes.map((whole, index) => {
    const prefix = contexts[ending === null ? 0 : index] ?? new Uint32Array();
    return { prefix, continuation: whole.subarray(prefix.length) };
  });
  const parts =
    ending === null
      ? [
          {
            prefix: pairs[0]?.prefix ?? new Uint32Array(),
            continuations: pairs.map((pair) => pair.continuation),
          },
        ]
      : pairs.map(({ prefix, continuation }) => ({ prefix, continuations: [continuation] }));
  return {
    parts,
    chosen: (scores) => {
      const flat = scores.flat();
      return chosenBy(
        choices,
        flat.map(sumOf),
        flat.map(({ length }) => length),
      );
    },
  };
}

/**
 * As llama-perplexity --winogrande weighs two sentences: the mean over the tokens after the answer, the last one left
 * out; over all that differ where little follows it. In that case it reads the second sentence's first log-probability
 * from behind the whole first sentence (its FIXME), and so must what is to equal it.
 */
function winograndeTokens(texts: readonly Uint32Array[]): TokenizedChoice {
  const wholes = texts.slice(0, texts.length / 2);
  const heads = texts.slice(wholes.length);
  const common = commonPrefix(wholes);
  const skips = wholes.every(({ length }) => length - common > MIN_TRAILING_TOKENS);
  const [first = new Uint32Array(), second = new Uint32Array()] = wholes;
  const prefix = first.subarray(0, common);
  const behind = [second[common] ?? 0, first[common] ?? 0];
  const mean = (which: number, logProbs: Float64Array): number => {
    const length = wholes[which]?.length ?? 0;
    const start = skips ? Math.max(common, heads[which]?.length ?? 0) : common;
    const end = length - start > 1 ? length - 1 : length;
    return sumOf(logProbs.subarray(start - common, end - common)) / (end - start);
  };
  return {
    parts: [{ prefix, continuations: [first.subarray(common), second.subarray(common)], behind }],
    chosen: ([scores = []]) => {
      const [ofFirst, ofSecond] = scores;
      const [own, other] = [ofFirst ?? new Float64Array(), Float64Array.from(ofSecond ?? [])];
      if (!skips) other[0] = own.at(-1) ?? Number.NaN;
      const chosen = mean(0, own) > mean(1, other) ? 0 : 1;
      return { acc: chosen, acc_norm: chosen, acc_token: chosen };
    },
  };
}

function chosenBy(
  choices: readonly string[],
  sums: readonly number[],
  tokens: readonly number[],
): Record<ChoiceMeasure, number> {
  // Characters as Python counts them.
  const characters = choices.map((choice) => [...choice].length);
  return {
    acc: chosenOf(sums),
    acc_norm: chosenOf(sums.map((sum, i) => sum / (characters[i] ?? 1))),
    acc_token: chosenOf(sums.map((sum, i) => sum / (tokens[i] ?? 1))),
  };
}

function sumOf(values: Float64Array): number {
  return values.reduce((sum, value) => sum + value, 0);
}

/** Tokens that all begin with, of each at least one left. */
function commonPrefix(all: readonly Uint32Array[]): number {
  const [first, ...others] = all;
  if (first === undefined) return 0;
  const shortest = Math.min(...all.map(({ length }) => length));
  let common = 0;
  while (common < shortest - 1 && others.every((other) => other[common] === first[common])) common++;
  return common;
}
