import { z } from 'zod';
import type { ChatMessage, Tool, ToolCall } from '../engine/replies.ts';
import { messageOf, UsageError } from '../util/errors.ts';
import { type InvalidLine, parseJsonLines, readLine } from './json-lines.ts';

/** A conversation, the tools at hand, and what is to be called next. */
export interface ToolItem {
  readonly task: string;
  readonly tools: readonly Tool[];
  /** The last is the user's, or a tool's answer. */
  readonly messages: readonly ChatMessage[];
  /** None where no tool fits, or where the reply is to be in words. */
  readonly calls: readonly ToolCall[];
  /** Where none is to be called: texts of which the reply must say one; any reply will do where there are none. */
  readonly answers: readonly string[];
  /** The longest reply to wait for; null leaves it to the run. */
  readonly maxTokens: number | null;
}

const text = z.string().regex(/\S/, 'expected some text');
const object = z.record(z.string(), z.unknown());
const name = z.string().regex(/^[A-Za-z][\w-]{0,63}$/, 'expected a name of letters, digits, _ and -');
const call = z.strictObject({ name, arguments: object });

const toolLine = z.strictObject({ tool: z.strictObject({ name, description: text, parameters: object }) });

const message = z.union([
  z.strictObject({ role: z.enum(['system', 'user', 'assistant']), content: text }),
  z.strictObject({ role: z.literal('assistant'), calls: z.array(call).min(1) }),
  z.strictObject({ role: z.literal('tool'), name, content: text }),
]);

const itemLine = z.strictObject({
  task: text,
  tools: z.array(name).min(1),
  prompt: text.optional(),
  messages: z.array(message).min(1).optional(),
  calls: z.array(call),
  answer: z.union([text, z.array(text).min(1)]).optional(),
  maxTokens: z.int().positive().optional(),
});

/**
 * Reads a file of tool calls: JSON Lines, each a tool or an item, tools before what names them.
 *
 *     {"tool": {"name": "get_weather", "description": "...", "parameters": {"type": "object", "properties": {...}}}}
 *     {"task": "one tool", "tools": ["get_weather"], "prompt": "...", "calls": [{"name": ..., "arguments": {...}}]}
 *
 * `messages` instead of `prompt` are a conversation of several turns. No `calls` means that none is to be made; the
 * reply must then say `answer`, where there is one.
 * @param source how errors name the file
 * @throws UsageError `tools/invalid` naming line and field, or `tools/empty`
 */
export function parseTools(content: string, source: string): ToolItem[] {
  const known = new Map<string, Known>();
  const items = parseJsonLines(content, source, 'tools/invalid', (raw, invalid) => {
    if (!Object.hasOwn(raw, 'tool')) return itemOf(readLine(itemLine, raw, invalid), known, invalid);
    const { tool } = readLine(toolLine, raw, invalid);
    if (known.has(tool.name)) throw invalid('tool', `"${tool.name}" is there twice`);
    known.set(tool.name, { tool, schema: schemaOf(tool, invalid) });
    return null;
  }).filter((item) => item !== null);
  if (items.length === 0) {
    throw new UsageError('tools/empty', `${source} asks for no calls, need at least 1`, {
      hint: 'docs/measure.md shows the form; fixtures/general/tools.jsonl of the package is an example.',
    });
  }
  return items;
}

interface Known {
  readonly tool: Tool;
  readonly schema: z.ZodType;
}

function schemaOf({ parameters }: Tool, invalid: InvalidLine): z.ZodType {
  if (parameters['type'] !== 'object')
    throw invalid('tool', 'parameters: expected a schema with "type": "object"');
  try {
    // What is no JSON schema is refused there.
    return z.fromJSONSchema(withoutPatterns(parameters) as Parameters<typeof z.fromJSONSchema>[0]);
  } catch (cause) {
    throw invalid('tool', `parameters: ${messageOf(cause)}`);
  }
}

/** A stranger's pattern may backtrack without end; the grammar does not hold replies to it either. */
function withoutPatterns(schema: unknown): unknown {
  return JSON.parse(
    JSON.stringify(schema, (key, value) =>
      (key === 'pattern' && typeof value === 'string') || key === 'patternProperties' ? undefined : value,
    ),
  );
}

function itemOf(
  line: z.infer<typeof itemLine>,
  known: ReadonlyMap<string, Known>,
  invalid: InvalidLine,
): ToolItem {
  const { task, prompt, messages, calls, answer, maxTokens } = line;
  if ((prompt === undefined) === (messages === undefined))
    throw invalid('prompt', 'expected either a prompt or messages');
  const tools = line.tools.map((each) => {
    const found = known.get(each);
    if (found === undefined) throw invalid('tools', `no line before this one describes "${each}"`);
    return found;
  });
  for (const { name: called, arguments: given } of calls) {
    const schema = tools.find(({ tool }) => tool.name === called)?.schema;
    if (schema === undefined) throw invalid('calls', `"${called}" is none of the tools of this line`);
    const { error } = schema.safeParse(given);
    const [issue] = error?.issues ?? [];
    if (issue !== undefined) throw invalid('calls', `${called}.${issue.path.join('.')}: ${issue.message}`);
  }
  if (answer !== undefined && calls.length > 0) throw invalid('answer', 'of use only where calls are none');
  const said = messages?.map(messageFrom) ?? [{ role: 'user' as const, content: prompt ?? '' }];
  if (said.at(-1)?.role !== 'user' && said.at(-1)?.role !== 'tool')
    throw invalid('messages', 'expected the last to be of the user or a tool');
  return {
    task,
    tools: tools.map(({ tool }) => tool),
    messages: said,
    calls,
    answers: answer === undefined ? [] : [answer].flat(),
    maxTokens: maxTokens ?? null,
  };
}

function messageFrom(given: z.infer<typeof message>): ChatMessage {
  if ('calls' in given) return { role: given.role, content: '', calls: given.calls };
  if (given.role !== 'tool') return given;
  return { role: given.role, content: given.content, tool: given.name };
}
