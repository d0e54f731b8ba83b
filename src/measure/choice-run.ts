import type { ContextOptions, EngineSession } from '../engine/engine.ts';
import { type ChoiceItem, chosenOf } from './choices.ts';
import type { ItemOutcome } from './task-run.ts';

interface TokenizedItem {
  readonly prompt: Uint32Array;
  readonly choices: readonly Uint32Array[];
}

/**
 * Multiple choice by llama-perplexity's HellaSwag rule (llama.cpp, tools/perplexity/perplexity.cpp): the model chooses
 * the answer with the highest mean log-probability of its tokens, those that all answers begin with left out. Nothing
 * is generated. The prompt goes through the chat template, as in use. Opens a context of its own.
 * @param options the options to open it with, but for its size
 * @param isOwn which items are this run's
 * @returns the outcomes of those items, in their order
 */
export async function runChoices(
  session: EngineSession,
  items: readonly ChoiceItem[],
  chatTemplate: string | null,
  options: Omit<ContextOptions, 'contextSize'>,
  onItem: (done: number, total: number) => void,
  isOwn: (item: number) => boolean = () => true,
): Promise<ItemOutcome[]> {
  const tokenized: TokenizedItem[] = [];
  for (const { prompt, choices } of items) {
    const messages = [{ role: 'user', content: prompt }] as const;
    tokenized.push({
      prompt: await session.chatPrompt(messages, chatTemplate),
      choices: await Promise.all(choices.map((choice) => session.tokenize(choice, false))),
    });
  }
  const longest = Math.max(
    1,
    ...tokenized.map(
      ({ prompt, choices }) => prompt.length + Math.max(...choices.map(({ length }) => length)),
    ),
  );
  await session.openContext({ ...options, contextSize: longest });
  const outcomes: ItemOutcome[] = [];
  for (const [index, { prompt, choices }] of tokenized.entries()) {
    if (!isOwn(index)) continue;
    const common = commonPrefix(choices);
    const means: number[] = [];
    for (const choice of choices) {
      const { nextLogProb } = await session.score({
        tokens: Uint32Array.of(...prompt, ...choice),
        firstScored: prompt.length - 1 + common,
        want: { kind: 'next' },
      });
      means.push(nextLogProb.reduce((sum, logProb) => sum + logProb, 0) / nextLogProb.length);
    }
    outcomes.push({ item: index, correct: chosenOf(means) === items[index]?.answer });
    onItem(index + 1, items.length);
  }
  return outcomes;
}

/** Tokens that all choices begin with, of each at least one left to score. */
function commonPrefix(choices: readonly Uint32Array[]): number {
  const [first, ...others] = choices;
  if (first === undefined) return 0;
  const shortest = Math.min(...choices.map(({ length }) => length));
  let common = 0;
  while (common < shortest - 1 && others.every((other) => other[common] === first[common])) common++;
  return common;
}
