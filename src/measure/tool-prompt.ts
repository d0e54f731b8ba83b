import type { EngineSession } from '../engine/engine.ts';
import { EngineError } from '../engine/errors.ts';
import type { ChatMessage, Tool } from '../engine/replies.ts';
import { formOf, TAGGED_JSON, type ToolForm } from './tool-forms.ts';

/** How a model is told of tools. */
export interface ToolTelling {
  /** By its own chat template, or in words of ours where that knows of none. */
  readonly by: 'template' | 'words';
  readonly form: ToolForm;
  /** The messages and tools that the template is given. */
  readonly told: (
    messages: readonly ChatMessage[],
    tools: readonly Tool[],
  ) => { readonly messages: readonly ChatMessage[]; readonly tools: readonly Tool[] };
}

const PROBE: Tool = {
  name: 'look_up_probe',
  description: 'Looks a word up.',
  parameters: { type: 'object', properties: { word: { type: 'string' } }, required: ['word'] },
};
const QUESTION: ChatMessage = { role: 'user', content: 'What does this word mean?' };
const SYSTEM_PROBE = 'Speak plainly.';

/** Finds out whether a chat template writes tools into its prompt, and if not, whether it takes a system message. */
export async function tellingOf(session: EngineSession, template: string | null): Promise<ToolTelling> {
  const rendered = async (messages: readonly ChatMessage[], tools: readonly Tool[]) => {
    try {
      return await session.chatText(messages, template, tools);
    } catch (thrown) {
      if (thrown instanceof EngineError && thrown.code === 'engine/template-failed') return '';
      throw thrown;
    }
  };
  if (template !== null && (await rendered([QUESTION], [PROBE])).includes(PROBE.name)) {
    return { by: 'template', form: formOf(template), told: (messages, tools) => ({ messages, tools }) };
  }
  const withSystem = await rendered([{ role: 'system', content: SYSTEM_PROBE }, QUESTION], []);
  const takesSystem = template !== null && withSystem.includes(SYSTEM_PROBE);
  return {
    by: 'words',
    form: TAGGED_JSON,
    told: (messages, tools) => {
      const all = inWords(messages, tools, takesSystem);
      // Without a template only the last message is asked.
      const joined = { role: 'user' as const, content: all.map(({ content }) => content).join('\n\n') };
      return { messages: template === null ? [joined] : all, tools: [] };
    },
  };
}

/** What a model is told whose chat template knows of no tools. */
export function toolInstructions(tools: readonly Tool[]): string {
  return [
    'You can call these functions, each described by a line of JSON:',
    ...tools.map((tool) => JSON.stringify(tool)),
    'To call one, write its name and arguments as a line of JSON between tags, one line for each call and nothing else.',
    // An example: placeholders in its stead were taken for the call.
    'To add 2 and 3 by a function "add" of the arguments "a" and "b", you would write:',
    '<tool_call>{"name": "add", "arguments": {"a": 2, "b": 3}}</tool_call>',
    'If no function helps with the request, or its answer is already there, reply in words.',
  ].join('\n');
}

/** The same conversation without roles and fields that only templates with tools know. */
function inWords(
  messages: readonly ChatMessage[],
  tools: readonly Tool[],
  takesSystem: boolean,
): ChatMessage[] {
  const before = messages.filter(({ role }) => role === 'system').map(({ content }) => content);
  const instructions = [...before, toolInstructions(tools)].join('\n\n');
  const turns = messages
    .filter(({ role }) => role !== 'system')
    .map(({ role, content, calls, tool }): ChatMessage => {
      if (tool !== undefined) return { role: 'user', content: `${tool} answered: ${content}` };
      const lines = (calls ?? []).map((call) => `<tool_call>${JSON.stringify(call)}</tool_call>`);
      return { role, content: [content, ...lines].filter(Boolean).join('\n') };
    });
  if (takesSystem) return [{ role: 'system', content: instructions }, ...turns];
  return turns.map((turn, index) =>
    index === 0 ? { ...turn, content: `${instructions}\n\n${turn.content}` } : turn,
  );
}
