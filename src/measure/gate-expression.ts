import { UsageError } from '../util/errors.ts';
import { type FigureUnit, nearestFigures, type RowKind, unitAt } from './gate-figures.ts';
import { GateScanner } from './gate-scanner.ts';
import { type Limit, parseLimit } from './gate-units.ts';

/** Whose figure is compared: every variant's (`any`, `all`), one's, or the machine's. */
export type GateSubject =
  | { readonly kind: 'any' | 'all' | 'recommended' | 'reference' | 'machine' }
  | { readonly kind: 'variant'; readonly name: string };

export const OPERATORS = ['<=', '>=', '==', '!=', '<', '>'] as const;
export type GateOperator = (typeof OPERATORS)[number];

/** `Q4_K_M.divergence.meanKld > 0.05` */
export interface GateComparison {
  readonly kind: 'comparison';
  readonly subject: GateSubject;
  readonly path: readonly string[];
  readonly unit: FigureUnit;
  readonly operator: GateOperator;
  readonly limit: Limit;
  /** Whether the limit is a multiple of the reference's figure. */
  readonly ofReference: boolean;
  /** Whether a figure that could not be taken is no finding, rather than one that cannot be judged. */
  readonly ifAvailable: boolean;
}

export type GateExpression =
  | GateComparison
  | { readonly kind: 'not'; readonly term: GateExpression }
  | { readonly kind: 'and' | 'or'; readonly terms: readonly GateExpression[] };

const MOST_NESTED = 32;
const SCHEMAS: Readonly<Record<RowKind, string>> = {
  variant: 'schema/results.json',
  bench: 'schema/bench.json',
  context: 'schema/context.json',
  phone: 'schema/fit.json',
};
const KEYWORDS: ReadonlySet<string> = new Set(['any', 'all', 'recommended', 'reference', 'machine']);

/**
 * What makes a gate fail, from its text:
 *
 *     expression  = conjunction { "or" conjunction }
 *     conjunction = term { "and" term }
 *     term        = "not" term | "(" expression ")" | comparison
 *     comparison  = subject "." figure operator limit [ "if" "available" ]
 *     limit       = number [unit] | number ["%"] "of" "reference"
 *     subject     = "any" | "all" | "recommended" | "reference" | "machine" | variant | quoted
 *
 * @param where how errors name it: `--fail-if`, or the place in a file
 * @param kinds the rows that there can be
 * @throws UsageError `gate/syntax`, `gate/figure`, `gate/unit`
 */
export function parseGate(
  text: string,
  where = '--fail-if',
  kinds: readonly RowKind[] = ['variant'],
): GateExpression {
  const scanner = new GateScanner(text, where);
  const expression = parseOr({ scanner, kinds }, 0);
  if (!scanner.isAtEnd()) throw scanner.expected('and, or, if available, or the end');
  return expression;
}

interface Parsing {
  readonly scanner: GateScanner;
  readonly kinds: readonly RowKind[];
}

function parseOr(parsing: Parsing, depth: number): GateExpression {
  const { scanner } = parsing;
  return parseChain(scanner, 'or', () => parseChain(scanner, 'and', () => parseTerm(parsing, depth)));
}

function parseChain(scanner: GateScanner, kind: 'and' | 'or', next: () => GateExpression): GateExpression {
  const first = next();
  const terms = [first];
  while (scanner.takeKeyword(kind)) terms.push(next());
  return terms.length === 1 ? first : { kind, terms };
}

function parseTerm(parsing: Parsing, depth: number): GateExpression {
  const { scanner } = parsing;
  if (depth > MOST_NESTED)
    throw scanner.error(`more than ${MOST_NESTED} parentheses and not within each other`);
  // A variant may be called so.
  if (scanner.takeWordBefore('not', '.')) return { kind: 'not', term: parseTerm(parsing, depth + 1) };
  if (!scanner.take('(')) return parseComparison(parsing);
  const expression = parseOr(parsing, depth + 1);
  if (!scanner.take(')')) throw scanner.expected(')');
  return expression;
}

function parseComparison({ scanner, kinds }: Parsing): GateComparison {
  const subject = parseSubject(scanner);
  const path: string[] = [];
  while (scanner.take('.')) path.push(scanner.name('the name of a figure').text);
  const owners = subject.kind === 'machine' ? (['machine'] as const) : kinds;
  const asWritten = nameOfSubject(subject);
  if (path.length === 0) throw scanner.expected(`"." and a figure, such as ${asWritten}.divergence.meanKld,`);
  const unit = unitAt(owners, path);
  if (unit === null) {
    const near = nearestFigures(owners, path).map((name) => `${asWritten}.${name}`);
    throw new UsageError('gate/figure', `${scanner.where}: there is no figure ${path.join('.')}`, {
      hint: `Near it: ${near.join(', ')}. All figures are in ${kinds.map((kind) => SCHEMAS[kind]).join(', ')}.`,
    });
  }
  const operator = scanner.operator(OPERATORS);
  const written = scanner.number();
  const ofReference = scanner.takeKeyword('of');
  if (ofReference && !scanner.takeKeyword('reference')) throw scanner.expected('reference');
  if (ofReference && subject.kind === 'machine')
    throw scanner.error('a machine has no reference to be compared with');
  // Of the reference's figure it is a share, whatever the figure counts.
  const limit = parseLimit(written, ofReference ? 'share' : unit, `${scanner.where}: ${path.join('.')}`);
  const ifAvailable = scanner.takeKeyword('if');
  if (ifAvailable && !scanner.takeKeyword('available')) throw scanner.expected('available');
  return { kind: 'comparison', subject, path, unit, operator, limit, ofReference, ifAvailable };
}

function parseSubject(scanner: GateScanner): GateSubject {
  const { text, isQuoted } = scanner.name('a variant, any, all, recommended, reference or machine');
  if (isQuoted || !KEYWORDS.has(text)) return { kind: 'variant', name: text };
  // The set holds no other word.
  return { kind: text as Exclude<GateSubject['kind'], 'variant'> };
}

/** A subject as it is written: quoted where it would not be read as one name. */
export function nameOfSubject(subject: GateSubject): string {
  if (subject.kind !== 'variant') return subject.kind;
  const { name } = subject;
  return GateScanner.isPlainName(name) && !KEYWORDS.has(name) ? name : JSON.stringify(name);
}

/** Every comparison of an expression, in its order. */
export function comparisonsOf(expression: GateExpression): GateComparison[] {
  if (expression.kind === 'comparison') return [expression];
  return expression.kind === 'not' ? comparisonsOf(expression.term) : expression.terms.flatMap(comparisonsOf);
}
