import type { EngineSession } from '../engine/engine.ts';
import { isCorrect, type TaskItem } from './tasks.ts';

/** Room for a reply where the item does not say: answers are asked to be short. */
const DEFAULT_REPLY_TOKENS = 32;

/**
 * Asks every item once, through the model's own chat template, and decides it. Greedy, so that it repeats exactly.
 * @returns one outcome an item, in their order
 */
export async function runTasks(
  session: EngineSession,
  items: readonly TaskItem[],
  chatTemplate: string | null,
  onItem: (done: number, total: number) => void,
): Promise<boolean[]> {
  const outcomes: boolean[] = [];
  for (const item of items) {
    const prompt = await session.chatPrompt([{ role: 'user', content: item.prompt }], chatTemplate);
    const reply = await session.complete(prompt, item.maxTokens ?? DEFAULT_REPLY_TOKENS);
    outcomes.push(isCorrect(item, reply.text));
    onItem(outcomes.length, items.length);
  }
  return outcomes;
}
