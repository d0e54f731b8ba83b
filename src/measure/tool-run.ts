import { EngineError } from '../engine/errors.ts';
import type { CompletionRequest } from '../engine/replies.ts';
import { formatCount } from '../util/units.ts';
import {
  type AskedModel,
  completeItems,
  type ItemHooks,
  type ItemOutcome,
  type ItemReply,
} from './task-run.ts';
import type { ToolItem } from './tool-file.ts';
import { grammarFor } from './tool-forms.ts';
import { judgeTools } from './tool-judge.ts';
import type { ToolTelling } from './tool-prompt.ts';

/** Room for three calls side by side. */
const DEFAULT_CALL_TOKENS = 192;

/**
 * Asks every item once and decides what it calls. Greedy, so that it repeats exactly. Opens a context of its own.
 * @param withGrammar from where a call begins, only calls of the item's tools are possible
 * @throws EngineError `engine/evaluation-failed` where a question is longer than the model was trained for
 * @returns the outcomes of those items, in their order; null where no grammar is written for the model's form of calls
 */
export async function runTools(
  asked: AskedModel,
  items: readonly ToolItem[],
  telling: ToolTelling,
  withGrammar: boolean,
  hooks: ItemHooks<ItemReply>,
): Promise<ItemOutcome[] | null> {
  const { session, model, chatTemplate } = asked;
  const requests: CompletionRequest[] = [];
  for (const [index, { messages, tools, maxTokens }] of items.entries()) {
    const grammar = withGrammar ? grammarFor(telling.form, tools) : undefined;
    if (grammar === null) return null;
    const told = telling.told(messages, tools);
    const prompt = await session.chatPrompt(told.messages, chatTemplate, told.tools);
    if (prompt.length >= model.trainContextSize) {
      throw new EngineError(
        'engine/evaluation-failed',
        `tool call ${index + 1}: its tools and messages are ${formatCount(prompt.length)} tokens, and the model was trained for ${formatCount(model.trainContextSize)}`,
        { hint: 'Give --tools a file with fewer or shorter tools a question.' },
      );
    }
    requests.push({
      prompt,
      maxTokens: maxTokens ?? DEFAULT_CALL_TOKENS,
      withSpecialTokens: true,
      ...(grammar === undefined ? {} : { grammar }),
    });
  }
  // Prompts with tools are long: a group of few is no long silence.
  const replies = await completeItems(asked, requests, 1, hooks);
  return replies.flatMap(({ item, text }) => {
    const tool = items[item];
    return tool === undefined ? [] : [{ item, ...judgeTools(tool, text), reply: text }];
  });
}
