import type { Tool, ToolCall } from '../engine/replies.ts';
import { containsWords, normalizeAnswer } from './answer-text.ts';
import type { Judged } from './tasks.ts';
import { calledTools } from './tool-call-text.ts';
import type { ToolItem } from './tool-file.ts';

/** What is counted of replies, besides whether they are right as a whole. */
export const TOOL_MEASURES = {
  parsable: 'parsable',
  tool: 'right tool',
  arguments: 'right arguments',
} as const;

/**
 * Decides a reply by what it calls. Where calls are wanted: whether it has any that can be read and nothing that only
 * begins like one, whether these are of the right tools, in any order, and whether their arguments are right too. Where
 * none is: whether it calls nothing, and says what is asked for.
 */
export function judgeTools(item: ToolItem, reply: string): Judged {
  const { calls, isMalformed, text } = calledTools(reply);
  if (item.calls.length === 0) {
    const words = normalizeAnswer(text);
    const says =
      item.answers.length === 0 ||
      item.answers.some((answer) => containsWords(words, normalizeAnswer(answer)));
    const callsNone = calls.length === 0 && !isMalformed;
    return { correct: callsNone && says, measures: { [TOOL_MEASURES.tool]: callsNone } };
  }
  const parsable = calls.length > 0 && !isMalformed;
  const names = (some: readonly ToolCall[]) => JSON.stringify(some.map(({ name }) => name).sort());
  const rightTool = parsable && names(calls) === names(item.calls);
  const rightArguments = rightTool && pairUp(item, calls);
  return {
    correct: rightArguments,
    measures: {
      [TOOL_MEASURES.parsable]: parsable,
      [TOOL_MEASURES.tool]: rightTool,
      [TOOL_MEASURES.arguments]: rightArguments,
    },
  };
}

/** Whether each wanted call is among those made, each of which stands for one. */
function pairUp({ calls: wanted, tools }: ToolItem, made: readonly ToolCall[]): boolean {
  const left = [...made];
  return wanted.every((call) => {
    const tool = tools.find(({ name }) => name === call.name);
    const at = left.findIndex((other) => other.name === call.name && sameArguments(call, other, tool));
    if (at >= 0) left.splice(at, 1);
    return at >= 0;
  });
}

/** An argument may be left out, or given, where its value is the schema's default. */
function sameArguments(wanted: ToolCall, made: ToolCall, tool: Tool | undefined): boolean {
  const properties = (tool?.parameters['properties'] ?? {}) as Record<string, { default?: unknown }>;
  const defaults = Object.fromEntries(
    Object.entries(properties).flatMap(([name, property]) =>
      property.default === undefined ? [] : [[name, property.default]],
    ),
  );
  return sameValue({ ...defaults, ...wanted.arguments }, { ...defaults, ...made.arguments });
}

/** Texts by the words that count, lists in order, objects by their fields, all else by value. */
function sameValue(wanted: unknown, made: unknown): boolean {
  if (typeof wanted === 'string' && typeof made === 'string') {
    const words = normalizeAnswer(wanted);
    return words === '' ? wanted.trim() === made.trim() : words === normalizeAnswer(made);
  }
  if (typeof wanted !== 'object' || typeof made !== 'object' || wanted === null || made === null)
    return wanted === made;
  if (Array.isArray(wanted) !== Array.isArray(made)) return false;
  const [own, theirs] = [Object.entries(wanted), Object.entries(made)];
  return (
    own.length === theirs.length &&
    own.every(([key, value]) => Object.hasOwn(made, key) && sameValue(value, Reflect.get(made, key)))
  );
}
