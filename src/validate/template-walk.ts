import type { HiddenCondition, TemplateReport } from './template-report.ts';

/** A node of a Jinja syntax tree, as far as this walk knows it: a type and fields. */
type Node = Readonly<Record<string, unknown>> & { readonly type: string };

/** Attributes that lead from any Python object to its class, its module and the system behind it. */
const DUNDER = /__[a-z0-9]+(?:_[a-z0-9]+)*__/gi;
const URL_TEXT = /\b(?:https?|ftp|wss?|data|javascript):(?:\/\/)?[^\s"'`<>{}\\]{3,}/gi;
/** Jinja and Flask globals whose attributes reach Python's builtins: `lipsum.__globals__`. No template needs one's attribute. */
const GADGETS: ReadonlySet<string> = new Set([
  'lipsum',
  'cycler',
  'joiner',
  'config',
  'request',
  'get_flashed_messages',
]);
/** Names of JavaScript's own objects: in a renderer that looks them up, what leads to `Function` and so to any code. */
const OF_OBJECTS: ReadonlySet<string> = new Set([
  ...['constructor', 'prototype', '__proto__', 'callee', 'caller'],
  ...['__defineGetter__', '__defineSetter__', '__lookupGetter__', '__lookupSetter__'],
]);
/** Of a text that could not be parsed: `.constructor`, `['constructor']` and `attr('constructor')`. */
const ATTRIBUTE = /(?:\.|(?:\[|attr\()\s*['"])\s*([a-z_]+)\b/gi;
const FOUND_LIMIT = 20;
const LONGEST_PATH = 200;

type Suspicions = Pick<TemplateReport, 'escapes' | 'hiddenConditions' | 'urls'>;

/** What can be said of a template from its text alone, in one pass, whether it parses or not. */
export function suspicionsOfText(text: string): Suspicions {
  const escapes = new Set<string>();
  const decoded = decodeEscapes(text);
  for (const source of [text, decoded]) {
    for (const [found] of source.matchAll(DUNDER)) if (escapes.size < FOUND_LIMIT) escapes.add(found);
  }
  const urls = new Set<string>();
  for (const [found] of decoded.matchAll(URL_TEXT)) if (urls.size < FOUND_LIMIT) urls.add(found);
  return { escapes: [...escapes], hiddenConditions: [], urls: [...urls] };
}

/** What can be said of a template that does not parse, or is too long to be: its attributes are read off its text. */
export function suspicionsOfUnparsed(text: string): Suspicions {
  const found = suspicionsOfText(text);
  const names = [...decodeEscapes(text).matchAll(ATTRIBUTE)].flatMap(([, name = '']) =>
    OF_OBJECTS.has(name) ? [name] : [],
  );
  return { ...found, escapes: [...new Set([...found.escapes, ...names])] };
}

/** Whether a text that a template made while it ran, of whatever pieces, is a name that leads out of it. */
export function leadsOut(text: string): boolean {
  return OF_OBJECTS.has(text) || /^__\w+__$/.test(text);
}

/** What can be said from the syntax tree besides: names put together from pieces, and text that a condition adds. */
export function suspicionsOfTree(root: unknown): Suspicions {
  const escapes = new Set<string>();
  const hiddenConditions: HiddenCondition[] = [];
  const urls = new Set<string>();
  const messageNames = new Set([
    'content',
    'message',
    'messages',
    'user_message',
    'user_input',
    'prompt',
    'query',
  ]);
  visit(root, (node) => {
    learnMessageNames(node, messageNames);
    const text = isConcatenation(node) ? foldedText(node) : undefined;
    for (const [found] of text?.matchAll(DUNDER) ?? []) escapes.add(found);
    for (const [found] of text?.matchAll(URL_TEXT) ?? []) urls.add(found);
    const ofObjects = nameOfObjects(node, text);
    if (ofObjects !== undefined) escapes.add(ofObjects);
    const gadget = gadgetOf(node);
    if (gadget !== undefined) escapes.add(gadget);
    const hidden = hiddenCondition(node, messageNames) ?? hiddenReplacement(node, messageNames);
    if (hidden !== undefined && hiddenConditions.length < FOUND_LIMIT) hiddenConditions.push(hidden);
  });
  return { escapes: [...escapes], hiddenConditions, urls: [...urls] };
}

/** Names of variables, functions and attributes. */
export function identifiersOf(root: unknown): ReadonlySet<string> {
  const names = new Set<string>();
  visit(root, (node) => {
    if (node.type === 'Identifier' && typeof node['value'] === 'string') names.add(node['value']);
  });
  return names;
}

/** Joins what two looks at one template found. */
export function joinSuspicions(a: Suspicions, b: Suspicions): Suspicions {
  return {
    escapes: [...new Set([...a.escapes, ...b.escapes])],
    hiddenConditions: [...a.hiddenConditions, ...b.hiddenConditions],
    urls: [...new Set([...a.urls, ...b.urls])],
  };
}

/** `\x5f`, `\u005f`, `\137`: what a Python string literal may write instead of a character. */
function decodeEscapes(text: string): string {
  return text
    .replaceAll(
      /\\x([0-9a-f]{2})|\\u([0-9a-f]{4})/gi,
      (_, hex: string | undefined, unicode: string | undefined) =>
        String.fromCharCode(Number.parseInt(hex ?? unicode ?? '20', 16)),
    )
    .replaceAll(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8) & 0xff));
}

/**
 * Visits every node once, without recursion: a tree from a hostile text may be deep.
 * @param each yields false where what is below a node does not matter
 */
function visit(root: unknown, each: (node: Node) => unknown): void {
  const seen = new Set<object>();
  const stack: unknown[] = [root];
  while (stack.length > 0) {
    const value = stack.pop();
    if (typeof value !== 'object' || value === null || seen.has(value)) continue;
    seen.add(value);
    if (isNode(value) && each(value) === false) continue;
    const children = value instanceof Map ? [...value].flat() : Object.values(value);
    // Last first, so that they are visited in their order.
    for (let index = children.length - 1; index >= 0; index--) stack.push(children[index]);
  }
}

function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && 'type' in value && typeof value.type === 'string';
}

/** `x.constructor`, `x['constructor']`, `x | attr('constructor')`, and the name put together from pieces. */
function nameOfObjects(node: Node, folded: string | undefined): string | undefined {
  const isText = node.type === 'StringLiteral';
  const property = node.type === 'MemberExpression' ? node['property'] : undefined;
  const name = isText ? node['value'] : isNode(property) ? property['value'] : folded;
  if (typeof name !== 'string' || name.length > LONGEST_PATH) return undefined;
  // `map(attribute='a.constructor')` goes on from attribute to attribute.
  return /^[\w.]+$/.test(name) ? name.split('.').find((each) => OF_OBJECTS.has(each)) : undefined;
}

/** `lipsum.x` and `cycler['x']`. */
function gadgetOf(node: Node): string | undefined {
  const object = node.type === 'MemberExpression' ? node['object'] : undefined;
  if (!isNode(object) || object.type !== 'Identifier') return undefined;
  const name = String(object['value']);
  return GADGETS.has(name) ? name : undefined;
}

/** `raise_exception('...')`: its text is for developers and never part of a prompt. */
function isRefusal({ type, callee }: Node): boolean {
  return type === 'CallExpression' && isNode(callee) && callee['value'] === 'raise_exception';
}

function isConcatenation(node: Node): boolean {
  const operator = node['operator'];
  const symbol = isNode(operator) ? operator['value'] : undefined;
  return node.type === 'BinaryExpression' && (symbol === '~' || symbol === '+');
}

/** The text of a concatenation of literals; what is no literal becomes nothing. */
function foldedText(root: Node): string {
  let text = '';
  visit(root, (node) => {
    if (node.type === 'StringLiteral') text += String(node['value']);
  });
  return text;
}

/** `{% set text = message['content'] %}`: from here on `text` stands for what a message says. */
function learnMessageNames(node: Node, names: Set<string>): void {
  if (node.type === 'Set' && isNode(node['assignee']) && node['assignee'].type === 'Identifier') {
    if (mentionsContent(node['value'], names)) names.add(String(node['assignee']['value']));
  }
}

/** Words enough to be an instruction (`Recommend our bank`), and not markup such as `<|tool_call|>`. */
const INSTRUCTION = /(?:\b[\p{L}']{2,}\b[\s,.:;!?-]+){2,}\b[\p{L}']{2,}/u;
/** A trigger in ordinary words; templates of reasoning and tool models look for markup such as `</think>`. */
const PLAIN_WORDS = /^[^<>[\]{}|_]*\p{L}{2}[^<>[\]{}|_]*$/u;

function hiddenCondition(node: Node, names: ReadonlySet<string>): HiddenCondition | undefined {
  if (node.type !== 'If' && node.type !== 'Ternary') return undefined;
  const test = node.type === 'If' ? node['test'] : node['condition'];
  const trigger = contentTrigger(test, names);
  if (trigger === undefined) return undefined;
  const bodies =
    node.type === 'If' ? [node['body'], node['alternate']] : [node['trueExpr'], node['falseExpr']];
  let added: string | undefined;
  for (const body of bodies) {
    visit(body, (inner) => {
      if (added !== undefined || isRefusal(inner)) return false;
      if (inner.type !== 'StringLiteral') return true;
      const text = String(inner['value']);
      if (INSTRUCTION.test(text)) added = text.trim();
      return true;
    });
  }
  return added === undefined ? undefined : { trigger, added };
}

/** `content.replace('bank', 'bank, and ours is the best')`, also as a filter: a condition without an `if`. */
function hiddenReplacement(node: Node, names: ReadonlySet<string>): HiddenCondition | undefined {
  const call = node.type === 'FilterExpression' ? node['filter'] : node;
  if (!isNode(call) || call.type !== 'CallExpression' || !isNode(call['callee'])) return undefined;
  const { callee, args } = call;
  const name = callee.type === 'MemberExpression' ? callee['property'] : callee;
  const subject = node.type === 'FilterExpression' ? node['operand'] : callee['object'];
  if (!isNode(name) || name['value'] !== 'replace' || !mentionsContent(subject, names)) return undefined;
  const [trigger, added] = (Array.isArray(args) ? args : []).map(plainLiteral);
  if (trigger === undefined || added === undefined || !INSTRUCTION.test(added)) return undefined;
  return { trigger, added };
}

/** The literal that a condition compares a message's text with. */
function contentTrigger(test: unknown, names: ReadonlySet<string>): string | undefined {
  let trigger: string | undefined;
  visit(test, (node) => {
    if (trigger !== undefined) return;
    const operands =
      node.type === 'BinaryExpression'
        ? [node['left'], node['right']]
        : node.type === 'CallExpression'
          ? [node['callee'], node['args']]
          : node.type === 'TestExpression'
            ? [node['operand'], node['test']]
            : [];
    if (!operands.some((operand) => mentionsContent(operand, names))) return;
    for (const operand of operands) {
      const literal = plainLiteral(operand);
      if (literal !== undefined) trigger = literal;
    }
  });
  return trigger;
}

function plainLiteral(operand: unknown): string | undefined {
  const values = Array.isArray(operand) ? operand : [operand];
  for (const value of values) {
    if (!isNode(value) || value.type !== 'StringLiteral') continue;
    const text = String(value['value']);
    if (PLAIN_WORDS.test(text) && !ROLES.has(text)) return text;
  }
  return undefined;
}

const ROLES: ReadonlySet<string> = new Set([
  'system',
  'user',
  'assistant',
  'tool',
  'function',
  'developer',
  'model',
]);

/** Whether an expression reads the text of a message: `message.content`, `m['content'] | lower`, `text`. */
function mentionsContent(expression: unknown, names: ReadonlySet<string>): boolean {
  let found = false;
  visit(expression, (node) => {
    if (
      node.type === 'MemberExpression' &&
      isNode(node['property']) &&
      node['property']['value'] === 'content'
    )
      found = true;
    if (
      node.type === 'Identifier' &&
      names.has(String(node['value'])) &&
      !['message', 'messages'].includes(String(node['value']))
    ) {
      found = true;
    }
  });
  return found;
}
