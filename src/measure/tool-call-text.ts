import type { ToolCall } from '../engine/replies.ts';
import { pythonCalls } from './python-calls.ts';

/** What a reply calls. */
export interface CalledTools {
  readonly calls: readonly ToolCall[];
  /** Whether something in it begins as calls do and is none. */
  readonly isMalformed: boolean;
  /** What it says beside them; all of a reply without calls. */
  readonly text: string;
}

/** What models put their calls into, and how the inside of it is read. The first that occurs in a reply decides. */
const WRAPPINGS: readonly { readonly pattern: RegExp; readonly read: (match: RegExpMatchArray) => Read }[] = [
  // Hermes, Qwen, SmolLM; the end of the reply may stand for the closing tag.
  {
    pattern: /<tool_call>(?<body>[\s\S]*?)(?:<\/tool_call>|(?=<tool_call>)|$)/g,
    read: inBody,
  },
  // Mistral from version 11 on, and before it.
  {
    pattern:
      /\[TOOL_CALLS\]\s*(?<name>[\w.-]+)\s*(?:\[CALL_ID\][^[]*)?(?:\[ARGS\])?(?<body>\s*\{[\s\S]*?)(?=\[TOOL_CALLS\]|$)/g,
    read: named,
  },
  { pattern: /\[TOOL_CALLS\](?<body>[\s\S]*)$/g, read: inBody },
  // LFM2, Phi-4-mini.
  {
    pattern: /<\|tool_call_start\|>(?<body>[\s\S]*?)(?:<\|tool_call_end\|>|$)/g,
    read: inBody,
  },
  {
    pattern: /<\|tool_call\|>(?<body>[\s\S]*?)(?:<\|\/tool_call\|>|$)/g,
    read: inBody,
  },
  // Functionary 3.1 and Llama 3 with own tools; Qwen3-Coder is read as a tool_call.
  { pattern: /<function=(?<name>[\w.-]+)>(?<body>[\s\S]*?)(?:<\/function>|(?=<function=)|$)/g, read: named },
  { pattern: /<\|python_tag\|>(?<body>[\s\S]*)$/g, read: inBody },
  // Functionary 3.2, Firefunction.
  {
    pattern: />>>(?!all\n)(?<name>[\w.-]+)\n(?<body>[\s\S]*?)(?=>>>|$)/g,
    read: named,
  },
  { pattern: /functools(?<body>\[[\s\S]*)$/g, read: inBody },
  {
    pattern: /```(?:json|tool_call|tool_code|python)?\n(?<body>[\s\S]*?)(?:```|$)/g,
    read: ({ groups }) => bare(groups?.['body'] ?? ''),
  },
];

/** Calls, none for text that is no attempt at one, or null for an attempt that failed. */
type Read = readonly ToolCall[] | null;

/** Reads the calls of a reply in any of the forms that models of llama.cpp's write them in. */
export function calledTools(reply: string): CalledTools {
  const text = withoutThoughts(reply);
  for (const { pattern, read } of WRAPPINGS) {
    const reads = [...text.matchAll(pattern)].map(read);
    // A fence may hold anything.
    if (reads.every((each) => each?.length === 0)) continue;
    const rest = text.replaceAll(pattern, '').trim();
    return { calls: reads.flatMap((each) => each ?? []), isMalformed: reads.includes(null), text: rest };
  }
  const read = bare(text);
  if (read?.length === 0) return { calls: [], isMalformed: false, text: text.trim() };
  return { calls: read ?? [], isMalformed: read === null, text: '' };
}

/** What a model thinks aloud is no part of its reply. */
function withoutThoughts(reply: string): string {
  return reply.replace(/^\s*(?:<think>)?[\s\S]*?<\/think>/, '').replace(/^\s*<think>[\s\S]*$/, '');
}

function inBody({ groups }: RegExpMatchArray): Read {
  return inside(groups?.['body']);
}

/** Inside a wrapping: anything but calls is a failure. */
function inside(body = ''): Read {
  if (/^\s*<function=/.test(body)) {
    const [match] = body.matchAll(/<function=(?<name>[\w.-]+)>(?<body>[\s\S]*?)(?:<\/function>|$)/g);
    return match === undefined ? null : named(match);
  }
  const calls = bare(body);
  return calls === null || calls.length === 0 ? null : calls;
}

/** The name stands before the arguments. */
function named({ groups }: RegExpMatchArray): Read {
  const { name = '', body = '' } = groups ?? {};
  const parameters = [...body.matchAll(/<parameter=([\w.-]+)>\n?([\s\S]*?)\n?<\/parameter>/g)];
  if (parameters.length < body.split('<parameter=').length - 1) return null;
  if (parameters.length > 0 || body.trim() === '') {
    const values = parameters.map(([, key = '', value = '']) => [key, jsonOrText(value)]);
    return [{ name, arguments: Object.fromEntries(values) }];
  }
  const values = jsonValues(body);
  const [only] = values ?? [];
  return values?.length === 1 && isObject(only) ? [{ name, arguments: only }] : null;
}

/** JSON where it is, else text. */
function jsonOrText(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** Without a wrapping, what begins like a call and names one is an attempt. */
function bare(text: string): Read {
  const trimmed = text.trim();
  if (!/^[[{]|^[\w.]+\(/.test(trimmed)) return [];
  const values = jsonValues(trimmed);
  if (values === null) {
    const python = pythonCalls(trimmed);
    if (python !== null) return python;
    return /^[[{]/.test(trimmed) && /"(?:name|function|tool_calls?)"\s*:/.test(trimmed) ? null : [];
  }
  const calls = values.flatMap(callsIn);
  if (calls.every((call) => call === null)) return [];
  return calls.some((call) => call === null) ? null : (calls as ToolCall[]);
}

/** One JSON value, or several in a row, parted by white space or semicolons; null for anything else. */
function jsonValues(text: string): unknown[] | null {
  const values: unknown[] = [];
  for (let rest = text.trim(); rest !== ''; ) {
    const end = endOfValue(rest);
    if (end === null) return null;
    try {
      values.push(JSON.parse(rest.slice(0, end)));
    } catch {
      return null;
    }
    rest = rest.slice(end).replace(/^[\s;]+/, '');
  }
  return values;
}

/** Where an object or a list ends that a text begins with. */
function endOfValue(text: string): number | null {
  let depth = 0;
  for (const { 0: sign, index } of text.matchAll(/"(?:[^"\\]|\\[\s\S])*"|[[\]{}]/g)) {
    if (sign.startsWith('"')) continue;
    depth += sign === '[' || sign === '{' ? 1 : -1;
    if (depth === 0) return index + 1;
  }
  return null;
}

/** A call as OpenAI, Llama, Mistral and llama.cpp's generic prompt write it, or a list of such. */
function callsIn(value: unknown): (ToolCall | null)[] {
  if (Array.isArray(value)) return value.flatMap(callsIn);
  if (!isObject(value)) return [null];
  const { tool_calls: several, tool_call: one, function: inner } = value;
  if (Array.isArray(several)) return several.flatMap(callsIn);
  if (isObject(one)) return callsIn(one);
  if (isObject(inner)) return callsIn(inner);
  const name = value['name'] ?? inner;
  const given = value['arguments'] ?? value['parameters'] ?? {};
  const values = typeof given === 'string' ? jsonOrText(given) : given;
  return [typeof name === 'string' && isObject(values) ? { name, arguments: values } : null];
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
