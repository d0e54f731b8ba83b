/** A JSON schema, as far as it is looked at. */
type Schema = Readonly<Record<string, unknown>>;

/** JSON without a schema. White space is bounded: a weak model may write nothing else. */
const BASE = {
  ws: '" "? | "\\n" " "{0,8}',
  char: '[^"\\\\\\x00-\\x1F] | "\\\\" (["\\\\/bfnrt] | "u" [0-9a-fA-F]{4})',
  string: '"\\"" char* "\\""',
  integer: '"-"? ("0" | [1-9] [0-9]{0,15})',
  number: 'integer ("." [0-9]{1,16})? ([eE] [+-]? [0-9]{1,3})?',
  boolean: '"true" | "false"',
  null: '"null"',
  any: 'anyobject | anyarray | string | number | boolean | null',
  anyobject: '"{" ws (string ws ":" ws any (ws "," ws string ws ":" ws any)*)? ws "}"',
  anyarray: '"[" ws (any (ws "," ws any)*)? ws "]"',
} as const;

/** A JSON text as a literal of a grammar. */
export function literal(value: unknown): string {
  return quotedLiteral(JSON.stringify(value) ?? 'null');
}

/** A text as a literal of a grammar. */
export function quotedLiteral(text: string): string {
  return `"${text.replaceAll(/["\\]/g, '\\$&').replaceAll('\n', '\\n')}"`;
}

/**
 * Rules of GBNF, llama.cpp's form of grammars, with those of JSON among them. A schema becomes rules as llama.cpp's own
 * converter has it: properties come in their order, optional ones may be left out; what a grammar cannot say (patterns,
 * bounds of numbers, references) is not asked for.
 */
export class SchemaGrammar {
  readonly #rules = new Map<string, string>(Object.entries(BASE));

  /** @param name of letters, digits and dashes; rules for its parts begin with it */
  add(name: string, schema: Schema): string {
    this.rule(name, this.#body(name, schema));
    return name;
  }

  rule(name: string, body: string): void {
    this.#rules.set(name, body);
  }

  toString(): string {
    return `${Array.from(this.#rules, ([name, body]) => `${name} ::= ${body}`).join('\n')}\n`;
  }

  #body(name: string, schema: Schema): string {
    const { const: constant, enum: values, anyOf, oneOf, type } = schema;
    if (constant !== undefined) return literal(constant);
    if (Array.isArray(values)) return values.map(literal).join(' | ');
    const several = [anyOf, oneOf].find(Array.isArray);
    if (several !== undefined) return this.#alternatives(name, several);
    if (Array.isArray(type))
      return this.#alternatives(
        name,
        type.map((each) => ({ ...schema, type: each })),
      );
    switch (type) {
      case 'string':
      case 'integer':
      case 'number':
      case 'boolean':
      case 'null':
        return type;
      case 'array':
        return this.#array(name, schema);
      case 'object':
        return isSchema(schema['properties'])
          ? this.#object(name, schema, schema['properties'])
          : 'anyobject';
      default:
        return 'any';
    }
  }

  #alternatives(name: string, schemas: readonly unknown[]): string {
    return schemas
      .map((each, index) => (isSchema(each) ? this.add(`${name}-${index}`, each) : 'any'))
      .join(' | ');
  }

  #array(name: string, { items, minItems = 0, maxItems }: Schema): string {
    const item = isSchema(items) ? this.add(`${name}-item`, items) : 'any';
    const least = Math.max(0, Number(minItems) - 1);
    const most = maxItems === undefined ? '' : Math.max(least, Number(maxItems) - 1);
    const list = `${item} (ws "," ws ${item}){${least},${most}}`;
    return `"[" ws ${Number(minItems) > 0 ? list : `(${list})?`} ws "]"`;
  }

  #object(name: string, { required }: Schema, properties: Schema): string {
    const needed = new Set(Array.isArray(required) ? required : []);
    const entries = Object.entries(properties).map(([key, schema], index) => ({
      isNeeded: needed.has(key),
      pair: `${literal(key)} ws ":" ws ${isSchema(schema) ? this.add(`${name}-${index}`, schema) : 'any'}`,
    }));
    // From the last on: what may follow, after nothing yet or after something.
    let after = { first: '', later: '' };
    for (const [index, { pair, isNeeded }] of [...entries.entries()].reverse()) {
      const orWithout = (follow: string) => (isNeeded ? '' : ` | ${follow || '""'}`);
      const [first, later] = [`${name}-first-${index}`, `${name}-later-${index}`];
      this.rule(first, `${pair} ${after.later}${orWithout(after.first)}`);
      this.rule(later, `ws "," ws ${pair} ${after.later}${orWithout(after.later)}`);
      after = { first, later };
    }
    return `"{" ws ${after.first} ws "}"`;
  }
}

function isSchema(value: unknown): value is Schema {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
