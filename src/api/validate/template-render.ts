import { TemplateFault } from '../../engine/template-fault.ts';
import { messageOf } from '../../util/errors.ts';
import { CONVERSATIONS, type Conversation, type ConversationMessage } from '../../validate/conversations.ts';
import type { RenderedConversation, TemplateTokens } from '../../validate/template-report.ts';

/** What V8 says of a text or list that doubles with each round, and of calls without end. */
const OUT_OF_BOUNDS = /string length|array length|call stack/i;

/** Of a file that states none. */
export const PLAIN_TOKENS: TemplateTokens = { bos: '<s>', eos: '</s>' };

/** Prompts of {@link CONVERSATIONS} have some hundred characters, with tools and instructions some thousand. */
const LONGEST_PROMPT = 64 * 1024;
const LONGEST_REASON = 200;

/** Renders a template with these variables. */
export type Render = (variables: Readonly<Record<string, unknown>>) => string;

/**
 * How a chat template renders each of {@link CONVERSATIONS}, as llama.cpp hands them to it (common/chat.cpp): content
 * that is null is an empty text, and typed parts are plain text for a template that does not know them.
 * @param text of the template
 * @throws OutOfBudget; TemplateTooLarge where memory ends
 */
export function renderConversations(
  render: Render,
  text: string,
  tokens: TemplateTokens,
): RenderedConversation[] {
  const conversations: readonly Conversation[] = CONVERSATIONS;
  requireNoGrowth(render, tokens);
  return conversations.map((conversation) => {
    const { messages, expected } = conversation;
    const isNull = messages.some(({ content }) => content === null);
    const rendered = isNull ? null : renderOne(render, text, tokens, conversation);
    if (
      rendered !== null &&
      (!messages.some(({ content }) => Array.isArray(content)) || isAsSaid(rendered, expected))
    )
      return rendered;
    const plain = messages.map((message) => ({ ...message, content: plainText(message.content) }));
    const again = renderOne(render, text, tokens, { ...conversation, messages: plain });
    return again.status === 'ok' && !isNull ? { ...again, asText: true } : again;
  });
}

/** What doubles with each message, or goes over all of them for each, is far beyond any template after as many. */
const MANY_MESSAGES = 32;
/** A message of a real template is written once, perhaps twice, with markers of some dozen characters. */
const LONGEST_TIMES = 16;
const MARKER_CHARACTERS = 256;
const ONE_TEXT = 'The Vltava flows through Prague.';

/** @throws TemplateTooLarge where the prompt grows faster than the conversation. A refusal is an answer too */
function requireNoGrowth(render: Render, tokens: TemplateTokens): void {
  const messages = Array.from({ length: MANY_MESSAGES }, (_, index) => ({
    role: index % 2 === 0 ? 'user' : 'assistant',
    content: ONE_TEXT,
  }));
  const most = LONGEST_TIMES * MANY_MESSAGES * (ONE_TEXT.length + MARKER_CHARACTERS);
  let length: number;
  try {
    length = render({ messages, bos_token: tokens.bos, eos_token: tokens.eos }).length;
  } catch (thrown) {
    if (thrown instanceof OutOfBudget) throw thrown;
    const reason = messageOf(thrown);
    if (thrown instanceof RangeError && OUT_OF_BOUNDS.test(reason)) throw new TemplateTooLarge(reason);
    return;
  }
  if (length <= most) return;
  throw new TemplateTooLarge(
    `${length} characters of prompt for ${MANY_MESSAGES} messages of ${ONE_TEXT.length}`,
  );
}

/** Whether parts became text, and not a listing of parts. */
function isAsSaid(rendered: RenderedConversation, expected: readonly string[]): boolean {
  if (rendered.status !== 'ok') return rendered.status === 'refused';
  return expected.every((each) => rendered.text.includes(each)) && !/["']type["']: /.test(rendered.text);
}

function plainText(content: ConversationMessage['content']): string {
  if (content === null) return '';
  return typeof content === 'string' ? content : content.map((part) => part.text).join('\n');
}

function renderOne(
  render: Render,
  text: string,
  { bos, eos }: TemplateTokens,
  { id, messages, tools, addGenerationPrompt }: Conversation,
): RenderedConversation {
  try {
    const prompt = render({
      messages,
      ...(addGenerationPrompt ? { add_generation_prompt: true } : {}),
      bos_token: bos,
      eos_token: eos,
      ...(tools === undefined ? {} : { tools }),
    });
    if (prompt.length <= LONGEST_PROMPT) return { id, status: 'ok', text: prompt };
    return { id, status: 'failed', reason: `${prompt.length} characters of prompt` };
  } catch (thrown) {
    if (thrown instanceof OutOfBudget) throw thrown;
    const reason = messageOf(thrown);
    if (thrown instanceof RangeError && OUT_OF_BOUNDS.test(reason)) throw new TemplateTooLarge(reason);
    // What raise_exception says stands in the template; a renderer's own complaints do not.
    const refused = thrown instanceof TemplateFault ? thrown.refused : text.includes(reason);
    return { id, status: refused ? 'refused' : 'failed', reason: firstLine(reason) };
  }
}

export function firstLine(text: string): string {
  return text.length > LONGEST_REASON ? `${text.slice(0, LONGEST_REASON - 1)}…` : text;
}

/** A rendering took more than it is given in this process. */
export class OutOfBudget extends Error {}

/** A rendering took more memory than there is: another would not find it either. */
export class TemplateTooLarge extends Error {}
