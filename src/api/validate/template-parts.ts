/** The half of template-bounded.ts that looks at a syntax tree: whether all of its parts are harmless. */

/** Of the syntax tree: the parser and the interpreter call themselves for each level. */
const DEEPEST = 64;
/** No search in a text, or replacement in it, is longer than this times the budget. */
const LONGEST_ARGUMENT = 64;

export const FUNCTIONS: ReadonlySet<string> = new Set(['namespace', 'raise_exception']);
/** Functions that templates know and the interpreter of bounded-interpreter.ts does not have. */
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

export interface SyntaxNode {
  readonly type: string;
  readonly [field: string]: unknown;
}

export function isOfType(value: unknown, type: string): value is SyntaxNode {
  return isSyntaxNode(value) && value.type === type;
}

export function isCall(value: unknown): value is SyntaxNode {
  return isOfType(value, 'CallExpression');
}

export function isSyntaxNode(value: unknown): value is SyntaxNode {
  return typeof value === 'object' && value !== null && 'type' in value && typeof value.type === 'string';
}

/** Operators whose numbers may come out otherwise in llama.cpp: fractions, and remainders of what is below zero. */
const OTHER_NUMBERS: ReadonlySet<string> = new Set(['/', '//', '**']);
const OTHER_TESTS: ReadonlySet<string> = new Set(['number', 'integer', 'float']);

/** Whether all parts of a template are known to be harmless. Without recursion: a hostile tree may be deep. */
export function isBounded(program: unknown): boolean {
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
export function nameOf(node: unknown): string {
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
