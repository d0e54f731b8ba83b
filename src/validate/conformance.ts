import { afterQuestion, beforeReply, promptOf } from './chat-turns.ts';
import { CONVERSATIONS, type ConversationId, QUESTION, REPLY } from './conversations.ts';
import { quoted } from './finding.ts';
import type { RenderedConversation, TemplateReport } from './template-report.ts';

/** The rules that speak of what a template makes of conversations. */
export const CONFORMANCE_RULE_IDS = [
  'template/render',
  'template/drops-message',
  'template/nothing',
  'template/message-order',
  'template/prefix',
  'template/generation-prompt',
  'template/refuses',
  'template/system',
  'template/tools',
] as const;

/** What is to be said of one conversation. */
export interface ConformanceFault {
  readonly rule: (typeof CONFORMANCE_RULE_IDS)[number];
  readonly id: ConversationId;
  readonly message: string;
  /** Where it is milder than its rule. */
  readonly severity?: 'note';
}

const LLAMA_CPP = 'llama.cpp v0.5.0';
/** Conversations that any chat is: of a template that fails with one nothing else need be said. */
const PLAIN: ReadonlySet<ConversationId> = new Set(['one', 'several']);
const OF_PLAIN: ReadonlySet<string> = new Set([
  'template/render',
  'template/drops-message',
  'template/nothing',
]);
interface Optional {
  readonly rule: ConformanceFault['rule'];
  /** What is said where it refuses or fails, and where it leaves it out. */
  readonly what: string;
  readonly left: string;
}

/** Conversations of what not every model has, and what is said of a template that leaves it out. */
const OPTIONAL: Partial<Record<ConversationId, Optional>> = {
  system: { rule: 'template/system', what: 'takes no system message', left: 'leaves a system message out' },
  'system-twice': {
    rule: 'template/system',
    what: 'takes no second system message',
    left: 'leaves one of two system messages out',
  },
  tools: { rule: 'template/tools', what: 'takes no tools', left: 'leaves the tools out that are offered' },
  'tool-call': { rule: 'template/tools', what: 'takes no tool’s answer', left: 'leaves a tool’s answer out' },
};
/** A conversation, what it grows to, and the last text that both have. */
const GROWING = [
  { shorter: 'one', longer: 'several', last: QUESTION },
  { shorter: 'ended', longer: 'several', last: REPLY },
] as const;

/** All that is to be said of what a template makes of {@link CONVERSATIONS}, in their order. */
export function conformanceFaults(report: TemplateReport): ConformanceFault[] {
  const faults: ConformanceFault[] = CONVERSATIONS.flatMap(({ id, expected }) => {
    const rendered = report.conversations.find((each) => each.id === id);
    return rendered === undefined ? [] : [...conversationFaults(id, rendered, expected, report)];
  });
  const ofPlain = faults.filter(({ rule, id }) => PLAIN.has(id) && OF_PLAIN.has(rule));
  if (ofPlain.length > 0) return ofPlain;
  return [...faults, ...prefixFaults(report), ...generationPromptFaults(report)];
}

function* conversationFaults(
  id: ConversationId,
  rendered: RenderedConversation,
  expected: readonly string[],
  { renderer }: TemplateReport,
): Generator<ConformanceFault> {
  const optional = OPTIONAL[id];
  if (rendered.status !== 'ok') {
    const { status, reason } = rendered;
    if (optional !== undefined) yield { rule: optional.rule, id, message: `${optional.what}: ${reason}` };
    else if (status === 'refused')
      yield {
        rule: PLAIN.has(id) ? 'template/render' : 'template/refuses',
        id,
        message: `it refuses: ${reason}`,
      };
    else {
      const isSure = PLAIN.has(id) && renderer !== 'stand-in';
      const who =
        renderer !== 'stand-in' ? LLAMA_CPP : 'the renderer used here, in place of llama.cpp’s own,';
      const message = `${who} cannot render it: ${reason}`;
      yield { rule: 'template/render', id, message, ...(isSure ? {} : { severity: 'note' }) };
    }
  } else if (expected.length > 0 && rendered.text.trim() === '') {
    yield { rule: 'template/nothing', id, message: 'the prompt is empty' };
  } else {
    const fault = messageFault(rendered.text, expected);
    if (fault === null) return;
    const isThere = expected.every((each) => rendered.text.includes(each));
    // A tool is named as often, and where, as a model was taught to read of it.
    if (isThere && optional?.rule === 'template/tools') return;
    if (optional !== undefined && !isThere) yield { rule: optional.rule, id, message: optional.left };
    else {
      const isDropped = PLAIN.has(id) && !rendered.text.includes(expected.at(-1) ?? '');
      yield { rule: isDropped ? 'template/drops-message' : 'template/message-order', id, message: fault };
    }
  }
}

/** What is wrong with the messages of a prompt; null where each is there once, in order. */
function messageFault(prompt: string, expected: readonly string[]): string | null {
  let last = -1;
  for (const text of expected) {
    const at = prompt.indexOf(text);
    if (at < 0) return `the message ${quoted(text)} is not in the prompt`;
    if (prompt.includes(text, at + text.length)) return `the message ${quoted(text)} is in the prompt twice`;
    if (at < last) return `the message ${quoted(text)} stands before one that was said earlier`;
    last = at;
  }
  return null;
}

function* prefixFaults(report: TemplateReport): Generator<ConformanceFault> {
  for (const { shorter, longer, last } of GROWING) {
    const [before, after] = [promptOf(report, shorter), promptOf(report, longer)];
    const end = (before?.indexOf(last) ?? -1) + last.length;
    if (before === undefined || after === undefined || end < last.length) continue;
    const at = [...before.slice(0, end)].findIndex((character, index) => after[index] !== character);
    if (at < 0) continue;
    const isFirst = shorter === 'one';
    const where = isFirst ? 'before the first message' : 'before the last reply';
    const message = `with another turn the prompt changes ${where}, at character ${at}`;
    yield { rule: 'template/prefix', id: longer, message, ...(isFirst ? {} : { severity: 'note' }) };
    return;
  }
}

function* generationPromptFaults(report: TemplateReport): Generator<ConformanceFault> {
  if (lacksGenerationPrompt(report))
    yield { rule: 'template/generation-prompt', id: 'one', message: 'add_generation_prompt changes nothing' };
}

/**
 * Whether a prompt ends behind the user’s message as any message does, where a reply would have a beginning of its
 * own.
 */
function lacksGenerationPrompt(report: TemplateReport): boolean {
  const [before, after] = [beforeReply(report), afterQuestion(report)?.trimEnd()];
  if (before === undefined || after === undefined || promptOf(report, 'one') !== promptOf(report, 'open'))
    return false;
  // A beginning that is always written stands behind no message but the last.
  const next = afterQuestion(report, 'two-users');
  if (next !== undefined && !next.startsWith(after)) return false;
  return before.startsWith(after) && before.slice(after.length).trim() !== '';
}
