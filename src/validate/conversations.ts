/** A message as apps hand it to a chat template. */
export interface ConversationMessage {
  readonly role: 'system' | 'user' | 'assistant' | 'tool';
  readonly content: string | null | readonly { readonly type: 'text'; readonly text: string }[];
  readonly [field: string]: unknown;
}

/** A conversation that apps have. */
export interface Conversation {
  /** What it is called in reports. */
  readonly id: string;
  /** What it has that others have not. */
  readonly title: string;
  readonly messages: readonly ConversationMessage[];
  readonly tools?: readonly unknown[];
  readonly addGenerationPrompt: boolean;
  /** Texts that the prompt must have, each once, in this order. */
  readonly expected: readonly string[];
}

export const QUESTION = 'Which river runs through Prague?';
export const REPLY = 'The Vltava.';
export const NEXT_QUESTION = 'How long is it?';
const SYSTEM = 'Be brief about geography.';
const ORDER = 'Answer in whole sentences.';
const THOUGHT = 'Bohemia drains northwards.';
const TOOL_ANSWER = '430 kilometres';

const user = (content: ConversationMessage['content']): ConversationMessage => ({ role: 'user', content });
const assistant = (
  content: string | null,
  more: Readonly<Record<string, unknown>> = {},
): ConversationMessage => ({
  role: 'assistant',
  content,
  ...more,
});
const system = (content: string): ConversationMessage => ({ role: 'system', content });

const TOOL = {
  type: 'function',
  function: {
    name: 'river_length',
    description: 'The length of a river.',
    parameters: {
      type: 'object',
      properties: { river: { type: 'string', description: 'Its name.' } },
      required: ['river'],
    },
  },
};
/** Mistral’s templates ask for nine letters and digits. */
const CALL_ID = 'call12345';
const CALL = {
  type: 'function',
  id: CALL_ID,
  function: { name: 'river_length', arguments: { river: 'Vltava' } },
};

/** What a template is rendered with: one of each kind that an app’s conversations are. */
export const CONVERSATIONS = [
  {
    id: 'one',
    title: 'one turn',
    messages: [user(QUESTION)],
    addGenerationPrompt: true,
    expected: [QUESTION],
  },
  {
    id: 'open',
    title: 'one turn, no generation prompt',
    messages: [user(QUESTION)],
    addGenerationPrompt: false,
    expected: [QUESTION],
  },
  {
    id: 'several',
    title: 'several turns',
    messages: [user(QUESTION), assistant(REPLY), user(NEXT_QUESTION)],
    addGenerationPrompt: true,
    expected: [QUESTION, REPLY, NEXT_QUESTION],
  },
  {
    id: 'ended',
    title: 'ends with a reply, no generation prompt',
    messages: [user(QUESTION), assistant(REPLY)],
    addGenerationPrompt: false,
    expected: [QUESTION, REPLY],
  },
  {
    id: 'system',
    title: 'a system message',
    messages: [system(SYSTEM), user(QUESTION)],
    addGenerationPrompt: true,
    expected: [SYSTEM, QUESTION],
  },
  {
    id: 'system-twice',
    title: 'two system messages',
    messages: [system(SYSTEM), system(ORDER), user(QUESTION)],
    addGenerationPrompt: true,
    expected: [SYSTEM, ORDER, QUESTION],
  },
  { id: 'none', title: 'no message', messages: [], addGenerationPrompt: true, expected: [] },
  {
    id: 'two-users',
    title: 'two user messages in a row',
    messages: [user(QUESTION), user(NEXT_QUESTION)],
    addGenerationPrompt: true,
    expected: [QUESTION, NEXT_QUESTION],
  },
  {
    id: 'tools',
    title: 'a tool offered',
    messages: [user(QUESTION)],
    tools: [TOOL],
    addGenerationPrompt: true,
    expected: ['river_length', QUESTION],
  },
  {
    id: 'tool-call',
    title: 'a tool called, and its answer',
    messages: [
      user(NEXT_QUESTION),
      assistant('', { tool_calls: [CALL] }),
      { role: 'tool', name: 'river_length', tool_call_id: CALL_ID, content: TOOL_ANSWER },
    ],
    tools: [TOOL],
    addGenerationPrompt: true,
    expected: [NEXT_QUESTION, TOOL_ANSWER],
  },
  {
    id: 'empty',
    title: 'an empty message',
    messages: [user(QUESTION), assistant(''), user(NEXT_QUESTION)],
    addGenerationPrompt: true,
    expected: [QUESTION, NEXT_QUESTION],
  },
  {
    id: 'null',
    title: 'a message without content',
    messages: [user(QUESTION), assistant(null), user(NEXT_QUESTION)],
    addGenerationPrompt: true,
    expected: [QUESTION, NEXT_QUESTION],
  },
  {
    id: 'typed',
    title: 'content in typed parts',
    messages: [user([{ type: 'text', text: QUESTION }])],
    addGenerationPrompt: true,
    expected: [QUESTION],
  },
  {
    id: 'thinking',
    title: 'a reply with its reasoning',
    messages: [user(QUESTION), assistant(REPLY, { reasoning_content: THOUGHT }), user(NEXT_QUESTION)],
    addGenerationPrompt: true,
    expected: [QUESTION, REPLY, NEXT_QUESTION],
  },
] as const satisfies readonly Conversation[];

export type ConversationId = (typeof CONVERSATIONS)[number]['id'];
