import { messageOf } from '../../util/errors.ts';
import { CONVERSATIONS } from '../../validate/conversations.ts';
import type {
  RenderedConversation,
  TemplateRendering,
  TemplateTokens,
} from '../../validate/template-report.ts';

const USER_TEXT = 'Which river runs through Prague?';
const REPLY_TEXT = 'The Vltava.';
/** What V8 says of a text or list that doubles with each round, and of calls without end. */
const OUT_OF_BOUNDS = /string length|array length|call stack/i;

/** Of a file that states none. */
export const PLAIN_TOKENS: TemplateTokens = { bos: '<s>', eos: '</s>' };

const CONVERSATION = {
  messages: [
    { role: 'user', content: 'Hello.' },
    { role: 'assistant', content: REPLY_TEXT },
    { role: 'user', content: USER_TEXT },
  ],
  add_generation_prompt: true,
  bos_token: '<s>',
  eos_token: '</s>',
};

/**
 * How a chat template renders a plain conversation.
 * @param render with these variables; what it throws becomes the reason, an {@link OutOfBudget} is thrown on
 * @param text of the template
 */
export function renderConversation(
  render: (variables: Readonly<Record<string, unknown>>) => string,
  text: string,
): TemplateRendering {
  // Templates for tools alone fail where there is no list of them.
  const attempts = [CONVERSATION, { ...CONVERSATION, tools: [], documents: [] }];
  let reason = '';
  for (const variables of attempts) {
    try {
      return { status: 'ok', keepsMessages: render(variables).includes(USER_TEXT) };
    } catch (thrown) {
      if (thrown instanceof OutOfBudget) throw thrown;
      reason = messageOf(thrown);
      if (thrown instanceof RangeError && OUT_OF_BOUNDS.test(reason)) {
        return { status: 'ended', reason: `rendering it takes more than there is: ${firstLine(reason)}` };
      }
      // What raise_exception says stands in the template; the renderer's own complaints do not.
      if (text.includes(reason)) return { status: 'refused', reason: firstLine(reason) };
    }
  }
  return { status: 'failed', reason: firstLine(reason) };
}

/** Prompts of {@link CONVERSATIONS} have some hundred characters, with tools and instructions some thousand. */
const LONGEST_PROMPT = 64 * 1024;

/**
 * How a chat template renders each of {@link CONVERSATIONS}.
 * @param render as for {@link renderConversation}
 */
export function renderConversations(
  render: (variables: Readonly<Record<string, unknown>>) => string,
  text: string,
  { bos, eos }: TemplateTokens,
): RenderedConversation[] {
  return CONVERSATIONS.map(({ id, messages, addGenerationPrompt, ...more }) => {
    try {
      const prompt = render({
        messages,
        add_generation_prompt: addGenerationPrompt,
        bos_token: bos,
        eos_token: eos,
        ...('tools' in more ? { tools: more.tools } : {}),
      });
      if (prompt.length <= LONGEST_PROMPT) return { id, status: 'ok', text: prompt };
      return { id, status: 'failed', reason: `${prompt.length} characters of prompt` };
    } catch (thrown) {
      if (thrown instanceof OutOfBudget) throw thrown;
      const reason = messageOf(thrown);
      return { id, status: text.includes(reason) ? 'refused' : 'failed', reason: firstLine(reason) };
    }
  });
}

export function firstLine(text: string): string {
  return text.length > 200 ? `${text.slice(0, 199)}…` : text;
}

/** A rendering took more than it is given in this process. */
export class OutOfBudget extends Error {}
