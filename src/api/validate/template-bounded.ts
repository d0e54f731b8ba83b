import { Environment, Interpreter, Template } from '@huggingface/jinja';
import type { TemplateReport, TemplateTokens } from '../../validate/template-report.ts';
import {
  identifiersOf,
  joinSuspicions,
  leadsOut,
  suspicionsOfText,
  suspicionsOfTree,
} from '../../validate/template-walk.ts';
import { datesWritten } from './template-dates.ts';
import { OutOfBudget, PLAIN_TOKENS, type Render, renderConversations } from './template-render.ts';

/*
 * Most chat templates are harmless, and a process of its own for each takes longer than all the rest of a check. A
 * template is rendered here where two things hold, and is left to that process where one does not:
 * - It is made of parts whose result is at most a small multiple of what they are given: no `range`, no macro, no
 *   `replace` or `join` with a long text. Its syntax tree says so before anything is run.
 * - Running it stays within a budget, of which every step takes one and the size of its result. So neither a loop in
 *   a loop nor a text or list that doubles comes far, in time or in memory.
 */

/** Real templates have up to 20 kB. Parsing takes time by the length, and memory in the tree. */
const LONGEST_TEXT = 32 * 1024;
/** Of the syntax tree: the parser and the interpreter call themselves for each level. */
const DEEPEST = 64;
/** Steps and characters. Templates of common models take up to a fifth of it; all of it is some tens of milliseconds. */
const BUDGET = 1 << 18;
/** No search in a text, or replacement in it, is longer than this times the budget. */
const LONGEST_ARGUMENT = 64;

const FUNCTIONS: ReadonlySet<string> = new Set(['namespace', 'raise_exception']);
/** Functions that templates know and {@link GLOBALS} does not have. */
const LEFT_OUT: ReadonlySet<string> = new Set(['range', 'strftime_now']);
const METHODS: ReadonlySet<string> = new Set([
  ...['split', 'startswith', 'endswith', 'upper', 'lower'],
  ...['get', 'items', 'keys', 'values'],
]);
/** Without arguments alone: what is taken off otherwise, llama.cpp does in another way. */
const BARE: ReadonlySet<string> = new Set(['strip', 'lstrip', 'rstrip']);
/** With short literal arguments alone: their result grows with the product. */
const BY_PRODUCT: ReadonlySet<string> = new Set(['replace', 'join']);
const FILTERS: ReadonlySet<string> = new Set([
  ...['trim', 'length', 'upper', 'lower', 'string', 'int', 'abs', 'safe'],
  ...['list', 'first', 'last', 'reverse', 'items', 'default', 'selectattr', 'map', 'tojson', 'join'],
]);
const STEPS: ReadonlySet<string> = new Set([
  ...['Program', 'Set', 'If', 'For', 'Break', 'Continue', 'Comment', 'Identifier', 'MemberExpression'],
  ...['IntegerLiteral', 'StringLiteral', 'ArrayLiteral', 'TupleLiteral', 'ObjectLiteral'],
  ...[
    'CallExpression',
    'KeywordArgumentExpression',
    'SliceExpression',
    'UnaryExpression',
    'BinaryExpression',
  ],
  ...['FilterExpression', 'TestExpression', 'SelectExpression', 'Ternary'],
]);

/** What is to be said of a chat template, or null where it must not be rendered in this process. */
export function boundedReport(
  text: string,
  tokens: TemplateTokens = PLAIN_TOKENS,
): Omit<TemplateReport, 'text'> | null {
  if (text.length > LONGEST_TEXT) return null;
  try {
    const { parsed } = new Template(text);
    if (!isBounded(parsed)) return null;
    const reached = new Set<string>();
    const render: Render = (variables) => renderWithin(BUDGET, parsed, variables, reached);
    const conversations = renderConversations(render, text, tokens);
    // Whether it is the template's fault, or that of this renderer, llama.cpp's own says in that process.
    if (conversations.some(({ status }) => status === 'failed')) return null;
    const { escapes, ...suspicions } = joinSuspicions(suspicionsOfText(text), suspicionsOfTree(parsed));
    return {
      parseError: null,
      ended: null,
      renderer: 'equivalent',
      ...suspicions,
      escapes: [...new Set([...escapes, ...reached])],
      conversations,
      dates: datesWritten(identifiersOf(parsed), render, text, tokens),
    };
  } catch {
    // Whatever is wrong with it, the process that is made for such templates says it.
    return null;
  }
}

interface SyntaxNode {
  readonly type: string;
  readonly [field: string]: unknown;
}

function isOfType(value: unknown, type: string): value is SyntaxNode {
  return isSyntaxNode(value) && value.type === type;
}

function isCall(value: unknown): value is SyntaxNode {
  return isOfType(value, 'CallExpression');
}

function isSyntaxNode(value: unknown): value is SyntaxNode {
  return typeof value === 'object' && value !== null && 'type' in value && typeof value.type === 'string';
}

/** Operators whose numbers may come out otherwise in llama.cpp: fractions, and remainders of what is below zero. */
const OTHER_NUMBERS: ReadonlySet<string> = new Set(['/', '//', '**']);
const OTHER_TESTS: ReadonlySet<string> = new Set(['number', 'integer', 'float']);

/** Whether all parts of a template are known to be harmless. Without recursion: a hostile tree may be deep. */
function isBounded(program: unknown): boolean {
  /** Methods by product that are called with short literals: nothing else may get hold of one. */
  const calledWell = new Set<unknown>();
  const stack = [{ value: program, depth: 0 }];
  let [remainders, negatives] = [false, false];
  for (let next = stack.pop(); next !== undefined; next = stack.pop()) {
    const { value, depth } = next;
    if (typeof value !== 'object' || value === null) continue;
    if (depth > DEEPEST) return false;
    if (isSyntaxNode(value)) {
      if (!isHarmless(value, calledWell)) return false;
      remainders ||= value.type === 'BinaryExpression' && nameOf(value['operator']) === '%';
      negatives ||= isNegative(value);
      if (value.type === 'CallExpression' && hasShortLiterals(value['args'])) calledWell.add(value['callee']);
    }
    const inner = isSyntaxNode(value) ? depth + 1 : depth;
    const children = value instanceof Map ? [...value].flat() : Object.values(value);
    for (const child of children) stack.push({ value: child, depth: inner });
  }
  return !(remainders && negatives);
}

/** What may make a number below zero; a subscript such as [-1] may too, and counts. */
function isNegative({ type, value, operator }: SyntaxNode): boolean {
  if (type === 'IntegerLiteral') return Number(value) < 0;
  return (type === 'BinaryExpression' || type === 'UnaryExpression') && nameOf(operator) === '-';
}

function isHarmless(node: SyntaxNode, calledWell: ReadonlySet<unknown>): boolean {
  switch (node.type) {
    case 'BinaryExpression':
      return !OTHER_NUMBERS.has(nameOf(node['operator']));
    case 'TestExpression':
      return !OTHER_TESTS.has(nameOf(node['test']));
    case 'Identifier':
      return !LEFT_OUT.has(nameOf(node));
    case 'FilterExpression':
      return isHarmlessFilter(node['filter']);
    case 'CallExpression':
      return isHarmlessCallee(node['callee'], node['args']);
    case 'MemberExpression':
      return calledWell.has(node) || !BY_PRODUCT.has(nameOf(node['property']));
    default:
      // An operator is the token it was read from.
      return STEPS.has(node.type) || node.type.endsWith('Operator');
  }
}

function isHarmlessFilter(filter: unknown): boolean {
  if (!isSyntaxNode(filter)) return false;
  if (filter.type === 'Identifier') return FILTERS.has(nameOf(filter));
  const name = nameOf(filter['callee']);
  return BY_PRODUCT.has(name) || name === 'tojson' ? hasShortLiterals(filter['args']) : FILTERS.has(name);
}

/** Of a function, a method or a filter with arguments. */
function isHarmlessCallee(callee: unknown, args: unknown): boolean {
  if (!isSyntaxNode(callee)) return false;
  const name = nameOf(callee.type === 'MemberExpression' ? callee['property'] : callee);
  if (callee.type === 'Identifier') return FUNCTIONS.has(name) || FILTERS.has(name) || BY_PRODUCT.has(name);
  if (callee['computed'] !== false) return false;
  if (BARE.has(name)) return Array.isArray(args) && args.length === 0;
  return METHODS.has(name) || BY_PRODUCT.has(name);
}

/** Of an identifier, a literal, or the token of an operator. */
function nameOf(node: unknown): string {
  return isSyntaxNode(node) ? String(node['value']) : '';
}

function hasShortLiterals(args: unknown): boolean {
  // A third argument of `replace` is a count, which llama.cpp does not know.
  if (!Array.isArray(args) || args.length > 2) return false;
  return args.every((argument: unknown) => {
    const isKeyword = isSyntaxNode(argument) && argument.type === 'KeywordArgumentExpression';
    const each = isKeyword ? argument['value'] : argument;
    if (!isSyntaxNode(each)) return false;
    const { type, value } = each;
    if (type === 'StringLiteral') return String(value).length <= LONGEST_ARGUMENT;
    return type === 'IntegerLiteral' && Number(value) <= LONGEST_ARGUMENT;
  });
}

function renderWithin(
  budget: number,
  program: unknown,
  variables: Readonly<Record<string, unknown>>,
  reached: Set<string>,
): string {
  const environment = new Environment();
  for (const [name, value] of Object.entries({ ...GLOBALS, ...variables })) environment.set(name, value);
  return String(new BoundedInterpreter(environment, budget, reached).run(program).value);
}

/** What every template knows, as the renderer's own `Template` sets it, but for `range` and the clock. */
const GLOBALS = {
  ...{ true: true, false: false, none: null, True: true, False: false, None: null },
  raise_exception: (message: string): never => {
    throw new Error(message);
  },
} as const;

/** The package's types end at its index: its declarations import one another without the endings that Node asks for. */
interface Evaluated {
  readonly type: string;
  readonly value: unknown;
}
interface Evaluating {
  run(program: unknown): Evaluated;
  evaluate(step: unknown, environment: unknown): Evaluated;
  evaluateBlock(steps: readonly unknown[], environment: unknown): Evaluated;
}
const TypedInterpreter: new (environment: unknown) => Evaluating = Interpreter;

/** Values that are written as text alike by both renderers; llama.cpp’s writes True, and nothing for a mapping. */
const WRITTEN_ALIKE: ReadonlySet<string> = new Set([
  ...['StringValue', 'IntegerValue', 'UndefinedValue', 'NullValue'],
]);

/** Of a rendering that fails: content in typed parts is tried as plain text then, and all else is left to llama.cpp. */
const OTHERWISE = 'a value that llama.cpp writes otherwise';

class BoundedInterpreter extends TypedInterpreter {
  #budget: number;
  /** Names that lead out of a template, as it made them. */
  readonly #reached: Set<string>;
  /** The type of the value that each step had last. */
  readonly #types = new Map<unknown, string>();

  constructor(environment: unknown, budget: number, reached: Set<string>) {
    super(environment);
    this.#budget = budget;
    this.#reached = reached;
  }

  override evaluate(step: unknown, environment: unknown): Evaluated {
    this.#take(1);
    const value = super.evaluate(step, environment);
    if (value.type === 'FunctionValue' && !isKnownFunction(step)) throw new OutOfBudget();
    this.#types.set(step, value.type);
    if (typeof value.value === 'string' && leadsOut(value.value)) this.#reached.add(value.value);
    if (isSyntaxNode(step) && this.#isOtherwise(step)) throw new Error(OTHERWISE);
    this.#takeSize(value);
    return value;
  }

  override evaluateBlock(steps: readonly unknown[], environment: unknown): Evaluated {
    const value = super.evaluateBlock(steps, environment);
    if (!steps.every((step) => this.#isWrittenAlike(step))) throw new Error(OTHERWISE);
    return value;
  }

  /** Whether llama.cpp’s renderer makes something else of a step that was just taken. */
  #isOtherwise(step: SyntaxNode): boolean {
    switch (step.type) {
      case 'BinaryExpression':
        return (
          nameOf(step['operator']) === '~' &&
          !(this.#isWrittenAlike(step['left']) && this.#isWrittenAlike(step['right']))
        );
      case 'FilterExpression': {
        const name = nameOf(isCall(step['filter']) ? step['filter']['callee'] : step['filter']);
        const type = this.#types.get(step['operand']);
        if (name === 'default') return type === 'NullValue';
        if (name === 'join') return type !== 'ArrayValue';
        return name === 'string' && !this.#isWrittenAlike(step['operand']);
      }
      case 'MemberExpression':
        return (
          step['computed'] === true &&
          this.#types.get(step['object']) === 'StringValue' &&
          !isOfType(step['property'], 'SliceExpression')
        );
      default:
        return false;
    }
  }

  #isWrittenAlike(step: unknown): boolean {
    return WRITTEN_ALIKE.has(this.#types.get(step) ?? 'StringValue');
  }

  #take(amount: number): void {
    this.#budget -= amount;
    if (this.#budget < 0) throw new OutOfBudget();
  }

  /** All that is in a value: printing a list of lists that are the same list takes as often as it stands there. */
  #takeSize(value: unknown): void {
    const stack = [value];
    while (stack.length > 0) {
      const next = stack.pop();
      if (typeof next !== 'object' || next === null || !('value' in next)) continue;
      const { value: content } = next;
      this.#take(typeof content === 'string' ? content.length : 1);
      if (content instanceof Map) stack.push(...content.values());
      else if (Array.isArray(content)) {
        this.#take(content.length);
        stack.push(...content);
      }
    }
  }
}

/** A function that came by another way, such as a subscript or a list, is not one that was looked at. */
function isKnownFunction(step: unknown): boolean {
  if (!isSyntaxNode(step)) return false;
  return step.type === 'Identifier' ? FUNCTIONS.has(nameOf(step)) : step['computed'] === false;
}
