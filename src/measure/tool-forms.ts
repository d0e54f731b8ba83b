import type { ReplyGrammar, Tool } from '../engine/replies.ts';
import { literal, quotedLiteral, SchemaGrammar } from './schema-grammar.ts';

/** How a family of models writes its calls. */
export interface ToolForm {
  readonly name: string;
  /** What a chat template for it holds. */
  readonly marks: RegExp;
  /** Where the grammar begins to hold, and the rule for what follows; null where no grammar is written for it. */
  readonly grammar: {
    readonly trigger: string;
    readonly root: (grammar: SchemaGrammar, tools: readonly Tool[]) => string;
  } | null;
}

const LIST = (call: string) => `"[" ws ${call} (ws "," ws ${call})* ws "]"`;

/** The form that is asked for where a template knows of no tools, and which many templates teach. */
export const TAGGED_JSON: ToolForm = {
  name: '<tool_call>{JSON}</tool_call>',
  marks: /<tool_call>/,
  grammar: {
    trigger: '<tool_call>',
    root: (grammar, tools) => {
      const call = objectCall(grammar, tools, 'arguments');
      return `ws ${call} ws "</tool_call>" (ws "<tool_call>" ws ${call} ws "</tool_call>")*`;
    },
  },
};

/** A reply that is JSON and nothing else. */
const PLAIN_JSON: ToolForm = {
  name: 'JSON',
  marks: /(?:)/,
  grammar: {
    trigger: '^\\s*(?=[\\[{])',
    root: (grammar, tools) => {
      const call = objectCall(grammar, tools, 'arguments');
      return `${call} | ${LIST(call)}`;
    },
  },
};

/** The first whose marks a template holds is the one. */
const FORMS: readonly ToolForm[] = [
  {
    name: '[TOOL_CALLS]name[ARGS]{JSON}',
    marks: /\[ARGS\]/,
    grammar: {
      trigger: '\\[TOOL_CALLS\\]',
      root: (grammar, tools) => {
        const call = namedCall(grammar, tools, '[ARGS]', '');
        return `${call} ("[TOOL_CALLS]" ${call})*`;
      },
    },
  },
  {
    name: '[TOOL_CALLS][{JSON}]',
    marks: /\[TOOL_CALLS\]/,
    grammar: {
      trigger: '\\[TOOL_CALLS\\]',
      root: (grammar, tools) => `ws ${LIST(objectCall(grammar, tools, 'arguments'))}`,
    },
  },
  { name: '<function=name><parameter=key>', marks: /<parameter=/, grammar: null },
  {
    name: '<function=name>{JSON}</function>',
    marks: /<function=/,
    grammar: {
      trigger: '<function=',
      root: (grammar, tools) => {
        const call = namedCall(grammar, tools, '>', '</function>');
        return `${call} (ws "<function=" ${call})*`;
      },
    },
  },
  TAGGED_JSON,
  { name: '[name(key=value)]', marks: /tool_call_start|pythonic/, grammar: null },
  {
    name: '{"name": …, "parameters": {JSON}}',
    marks: /python_tag|"parameters": dictionary/,
    grammar: {
      trigger: '^\\s*(?:<\\|python_tag\\|>\\s*)?(?=\\{)',
      root: (grammar, tools) => {
        const call = objectCall(grammar, tools, 'parameters');
        return `${call} (ws ";" ws ${call})*`;
      },
    },
  },
  { name: '>>>name{JSON}', marks: />>>/, grammar: null },
  PLAIN_JSON,
];

/** The form that a chat template with tools teaches. */
export function formOf(template: string): ToolForm {
  return FORMS.find(({ marks }) => marks.test(template)) ?? PLAIN_JSON;
}

/** null where no grammar is written for the form. */
export function grammarFor({ grammar: form }: ToolForm, tools: readonly Tool[]): ReplyGrammar | null {
  if (form === null) return null;
  const grammar = new SchemaGrammar();
  for (const [index, { parameters }] of tools.entries()) grammar.add(argumentsOf(index), parameters);
  grammar.rule('root', form.root(grammar, tools));
  return { gbnf: grammar.toString(), trigger: form.trigger };
}

function argumentsOf(index: number): string {
  return `arguments-${index}`;
}

function objectCall(grammar: SchemaGrammar, tools: readonly Tool[], key: string): string {
  const calls = tools.map(
    ({ name }, index) =>
      `"{" ws "\\"name\\"" ws ":" ws ${literal(name)} ws "," ws ${literal(key)} ws ":" ws ${argumentsOf(index)} ws "}"`,
  );
  grammar.rule('call', calls.join(' | '));
  return 'call';
}

function namedCall(grammar: SchemaGrammar, tools: readonly Tool[], between: string, after: string): string {
  const calls = tools.map(
    ({ name }, index) => `${quotedLiteral(name + between)} ws ${argumentsOf(index)} ${quotedLiteral(after)}`,
  );
  grammar.rule('call', calls.join(' | '));
  return 'call';
}
