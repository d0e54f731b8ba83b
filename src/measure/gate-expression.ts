import { UsageError } from '../util/errors.ts';
import { type FigureUnit, nearestFigures, unitAt } from './gate-figures.ts';
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
  /** Whether a figure that could not be taken is no finding, rather than one that cannot be judged. */
  readonly ifAvailable: boolean;
}

export type GateExpression =
  | GateComparison
  | { readonly kind: 'and' | 'or'; readonly terms: readonly GateExpression[] };

const MOST_NESTED = 32;
const KEYWORDS: ReadonlySet<string> = new Set(['any', 'all', 'recommended', 'reference', 'machine']);

/**
 * What makes a gate fail, from its text:
 *
 *     expression  = conjunction { "or" conjunction }
 *     conjunction = term { "and" term }
 *     term        = "(" expression ")" | comparison
 *     comparison  = subject "." figure operator number [unit] [ "if" "available" ]
 *     subject     = "any" | "all" | "recommended" | "reference" | "machine" | variant | quoted
 *
 * @param where how errors name it: `--fail-if`, or the place in a file
 * @throws UsageError `gate/syntax`, `gate/figure`, `gate/unit`
 */
export function parseGate(text: string, where = '--fail-if'): GateExpression {
  const scanner = new GateScanner(text, where);
  const expression = parseOr(scanner, 0);
  if (!scanner.isAtEnd()) throw scanner.expected('and, or, if available, or the end');
  return expression;
}

function parseOr(scanner: GateScanner, depth: number): GateExpression {
  return parseChain(scanner, 'or', () => parseChain(scanner, 'and', () => parseTerm(scanner, depth)));
}

function parseChain(scanner: GateScanner, kind: 'and' | 'or', next: () => GateExpression): GateExpression {
  const first = next();
  const terms = [first];
  while (scanner.takeKeyword(kind)) terms.push(next());
  return terms.length === 1 ? first : { kind, terms };
}

function parseTerm(scanner: GateScanner, depth: number): GateExpression {
  if (!scanner.take('(')) return parseComparison(scanner);
  if (depth >= MOST_NESTED) throw scanner.error(`more than ${MOST_NESTED} parentheses within each other`);
  const expression = parseOr(scanner, depth + 1);
  if (!scanner.take(')')) throw scanner.expected(')');
  return expression;
}

function parseComparison(scanner: GateScanner): GateComparison {
  const subject = parseSubject(scanner);
  const path: string[] = [];
  while (scanner.take('.')) path.push(scanner.name('the name of a figure').text);
  const owner = subject.kind === 'machine' ? 'machine' : 'variant';
  const written = nameOfSubject(subject);
  if (path.length === 0) throw scanner.expected(`"." and a figure, such as ${written}.divergence.meanKld,`);
  const unit = unitAt(owner, path);
  if (unit === null) {
    const near = nearestFigures(owner, path).map((name) => `${written}.${name}`);
    throw new UsageError('gate/figure', `${scanner.where}: there is no figure ${path.join('.')}`, {
      hint: `Near it: ${near.join(', ')}. All figures are in schema/results.json.`,
    });
  }
  const operator = scanner.operator(OPERATORS);
  const limit = parseLimit(scanner.number(), unit, `${scanner.where}: ${path.join('.')}`);
  const ifAvailable = scanner.takeKeyword('if');
  if (ifAvailable && !scanner.takeKeyword('available')) throw scanner.expected('available');
  return { kind: 'comparison', subject, path, unit, operator, limit, ifAvailable };
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
  return expression.kind === 'comparison' ? [expression] : expression.terms.flatMap(comparisonsOf);
}
