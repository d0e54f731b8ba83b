/** What C headers declare, as far as plain C interfaces go: enough to hold a list of declarations against them. */
export interface CDeclarations {
  readonly enums: ReadonlyMap<string, ReadonlyMap<string, number>>;
  /** Fields in order; a union without a name has its members as type. */
  readonly structs: ReadonlyMap<string, readonly CField[]>;
  readonly typedefs: ReadonlyMap<string, string>;
  /** Types of pointers to functions: result, then parameters. */
  readonly callbacks: ReadonlyMap<string, readonly string[]>;
  readonly functions: ReadonlyMap<string, readonly string[]>;
}

export interface CField {
  /** null for a union without a name. */
  readonly name: string | null;
  readonly type: string | readonly CField[];
}

/** Types are spelled without `struct` and `enum`, with one space before stars: `const llama_model *`. */
export function parseHeaders(sources: readonly string[]): CDeclarations {
  const text = sources.map(withoutComments).join('\n');
  const macros = new Map(
    [...text.matchAll(/^\s*#\s*define\s+(\w+)\s+(\(?-?\w+\)?)\s*$/gm)].map(([, name = '', value = '']) => [
      name,
      value,
    ]),
  );
  const code = text.replace(/^\s*#(?:.*\\\n)*.*$/gm, '').replace(/extern "C" \{/, '');
  const found = {
    enums: new Map<string, Map<string, number>>(),
    structs: new Map<string, CField[]>(),
    typedefs: new Map<string, string>(),
    callbacks: new Map<string, string[]>(),
    functions: new Map<string, string[]>(),
  };
  for (const [, name = '', body = ''] of code.matchAll(/\benum\s+(\w+)\s*\{([^}]*)\}/g)) {
    found.enums.set(name, enumValues(body));
  }
  for (const match of code.matchAll(/\bstruct\s+(\w+)\s*\{/g)) {
    const body = untilBrace(code, match.index + match[0].length);
    found.structs.set(match[1] ?? '', fieldsOf(body, macros));
  }
  for (const [, type = '', name = ''] of code.matchAll(/\btypedef\s+([\w\s*]+?[\s*])(\w+)\s*;/g)) {
    if (plainType(type) !== name) found.typedefs.set(name, plainType(type));
  }
  for (const [, result = '', name = '', parameters = ''] of code.matchAll(
    /\btypedef\s+([\w\s*]+?)\(\s*\*\s*(\w+)\s*\)\s*\(([^)]*)\)\s*;/g,
  )) {
    found.callbacks.set(name, [plainType(result), ...parametersOf(parameters)]);
  }
  for (const [, result = '', name = '', parameters = ''] of code.matchAll(
    /\b(?:LLAMA|GGML|GGML_BACKEND)_API\s+([\w\s*]+?)\b(\w+)\s*\(([^()]*)\)/g,
  )) {
    found.functions.set(name, [plainType(result), ...parametersOf(parameters)]);
  }
  return found;
}

function withoutComments(source: string): string {
  return source.replace(/\/\*[\s\S]*?\*\//g, '').replace(/\/\/.*$/gm, '');
}

function enumValues(body: string): Map<string, number> {
  const values = new Map<string, number>();
  let next = 0;
  for (const entry of body.split(',')) {
    const [name = '', expression] = entry.split('=').map((part) => part.trim());
    if (name === '') continue;
    if (expression !== undefined) next = constantOf(expression, values);
    values.set(name, next);
    next += 1;
  }
  return values;
}

/** A number, an earlier value, or a number shifted or with others or-ed in. */
function constantOf(expression: string, known: ReadonlyMap<string, number>): number {
  const [first = '', ...others] = expression.replace(/[()]/g, '').split('|');
  if (others.length > 0) {
    return [first, ...others].reduce((value, part) => value | constantOf(part.trim(), known), 0);
  }
  const [base = '', shift] = first.split('<<').map((part) => part.trim());
  return (known.get(base) ?? Number(base)) << Number(shift ?? 0);
}

function untilBrace(code: string, start: number): string {
  let depth = 1;
  for (let at = start; at < code.length; at++) {
    if (code[at] === '{') depth += 1;
    if (code[at] === '}') depth -= 1;
    if (depth === 0) return code.slice(start, at);
  }
  throw new Error(`no closing brace after ${code.slice(start, start + 60)}`);
}

function fieldsOf(body: string, macros: ReadonlyMap<string, string>): CField[] {
  const fields: CField[] = [];
  let at = 0;
  for (;;) {
    const union = /^\s*union\s*\{/.exec(body.slice(at));
    if (union !== null) {
      const inner = untilBrace(body, at + union[0].length);
      fields.push({ name: null, type: fieldsOf(inner, macros) });
      at = body.indexOf(';', at + union[0].length + inner.length) + 1;
      continue;
    }
    const end = body.indexOf(';', at);
    if (end === -1) return fields;
    fields.push(...fieldOf(body.slice(at, end), macros));
    at = end + 1;
  }
}

/** `float a, b` are two. */
function fieldOf(declaration: string, macros: ReadonlyMap<string, string>): CField[] {
  const pointed = /\(\s*\*\s*(\w+)\s*\)\s*\(/.exec(declaration);
  if (pointed !== null) return [{ name: pointed[1] ?? '', type: 'function *' }];
  const [first = '', ...others] = declaration.split(',');
  const [, type = '', name = '', length] = /^([\w\s*]+?[\s*])(\w+)\s*(?:\[(.+)\])?\s*$/.exec(first) ?? [];
  if (name === '') throw new Error(`no field in ${declaration}`);
  const whole = plainType(type) + (length === undefined ? '' : `[${lengthOf(length, macros)}]`);
  return [{ name, type: whole }, ...others.map((other) => ({ name: other.trim(), type: whole }))];
}

function lengthOf(expression: string, macros: ReadonlyMap<string, string>): number {
  const [dividend = '', divisor = '1'] = expression
    .replace(/sizeof\(int32_t\)/, '4')
    .split('/')
    .map((part) => part.trim());
  return Number(macros.get(dividend) ?? dividend) / Number(divisor);
}

function parametersOf(list: string): string[] {
  if (/^\s*(?:void)?\s*$/.test(list)) return [];
  return list.split(',').map((parameter) => {
    const [, type = '', array] = /^([\w\s*]*?[\s*])\w+\s*(\[\d*\])?\s*$/.exec(parameter) ?? [
      undefined,
      parameter,
    ];
    return plainType(array === undefined ? type : `${type} *`);
  });
}

function plainType(type: string): string {
  return type
    .replace(/\b(?:struct|enum)\b/g, ' ')
    .replace(/\*/g, ' * ')
    .replace(/\s+/g, ' ')
    .replace(/\* (?=\*)/g, '*')
    .trim();
}

/** Entries to be held against headers, in the form of src/engine/llama-cpp/declarations.ts. */
export interface Declared {
  readonly enums: Readonly<Record<string, Readonly<Record<string, number>>>>;
  readonly structs: Readonly<
    Record<string, Readonly<Record<string, string | Readonly<Record<string, string>>>>>
  >;
  readonly typedefs: Readonly<Record<string, string>>;
  readonly callbacks: Readonly<Record<string, readonly string[]>>;
  readonly functions: Readonly<Record<string, readonly string[]>>;
}

/** What is declared otherwise than the headers have it: one sentence each. Enums may be declared in part. */
export function differences(declared: Declared, headers: CDeclarations): string[] {
  const said: string[] = [];
  const compare = (what: string, got: string, expected: string | undefined) => {
    if (got !== expected) said.push(`${what} is declared as ${got}, the header has ${expected ?? 'none'}`);
  };
  for (const [name, values] of Object.entries(declared.enums)) {
    for (const [key, value] of Object.entries(values)) {
      compare(`enum ${name}: ${key}`, String(value), headers.enums.get(name)?.get(key)?.toString());
    }
  }
  for (const [name, fields] of Object.entries(declared.structs)) {
    const got = Object.entries(fields).map(([field, type]) => showField(field, type));
    const expected = headers.structs.get(name)?.map(({ name: field, type }) => showField(field, type));
    for (let i = 0; i < Math.max(got.length, expected?.length ?? 0); i++) {
      compare(`struct ${name}: field ${i}`, got[i] ?? 'none', expected?.[i]);
    }
  }
  for (const [name, type] of Object.entries(declared.typedefs)) {
    compare(`typedef ${name}`, type, headers.typedefs.get(name));
  }
  for (const [name, signature] of Object.entries(declared.callbacks)) {
    compare(`callback ${name}`, show(signature), show(headers.callbacks.get(name)));
  }
  for (const [name, signature] of Object.entries(declared.functions)) {
    compare(`function ${name}`, show(signature), show(headers.functions.get(name)));
  }
  return said;
}

const show = (signature: readonly string[] | undefined) => signature?.join(', ') ?? 'none';

/** A union is shown without its name, which the header need not have. */
function showField(
  name: string | null,
  type: string | readonly CField[] | Readonly<Record<string, string>>,
): string {
  if (typeof type === 'string') return `${type} ${name}`;
  const members: string[] = Array.isArray(type)
    ? type.map((member: CField) => showField(member.name, member.type))
    : Object.entries(type).map(([member, memberType]) => showField(member, memberType));
  return `union { ${members.join('; ')} }`;
}
