import { Environment, Interpreter } from '@huggingface/jinja';
import { leadsOut } from '../../validate/template-walk.ts';
import { FUNCTIONS, isCall, isOfType, isSyntaxNode, nameOf, type SyntaxNode } from './template-parts.ts';
import { OutOfBudget } from './template-render.ts';

/**
 * Runs a template whose parts are harmless, within a budget of steps and characters.
 * @param reached takes the names that lead out of a template, as it made them
 * @throws OutOfBudget; an Error where llama.cpp writes a value otherwise, and what the template raises
 */
export function renderWithin(
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
