import { type Quantity, quantitiesIn } from './quantity.ts';
import { type RoleGroup, rolesIn } from './roles.ts';
import { sizeKind } from './size-kinds.ts';
import { type Statement, statementsOf } from './statements.ts';
import { bare, labelsIn, type OwnNames, type Subject, subjectOf } from './subject.ts';

/** Everything that is looked for on a card. */
export const CLAIM_KINDS = [
  'name',
  'base-model',
  'architecture',
  'format',
  'license',
  'quantization',
  'file-size',
  'original-size',
  'size-reduction',
  'size-factor',
  'parameters',
  'context-length',
  'layers',
  'heads',
  'kv-heads',
  'embedding-length',
  'feed-forward-length',
  'vocabulary',
  'weight-bits',
  'bits-per-weight',
  'tensor-bits',
  'tensor-type',
  'imatrix',
  'kv-memory',
  'memory',
  'device-memory',
  'speed',
  'speed-up',
  'latency',
  'accuracy',
  'knowledge-cutoff',
  'unclear-size',
] as const;
export type ClaimKind = (typeof CLAIM_KINDS)[number];

/** One checkable or uncheckable thing that a card says. */
export interface Claim {
  readonly line: number;
  readonly quote: string;
  readonly kind: ClaimKind;
  readonly subject: Subject;
  /** What is claimed, as written. */
  readonly says: string;
  readonly quantity: Quantity | null;
  /** For claims about tensors. */
  readonly roles: RoleGroup | null;
  /** The part of the sentence it stands in. */
  readonly near: string;
  /** The statement's words: conditions (a context, a cache type, a phone) are looked up in them after `near`. */
  readonly words: string;
  /** The headings above it. */
  readonly scope: string;
  /** Sizes on both sides of an arrow, or a percentage beside them. */
  readonly beside: readonly Quantity[];
}

/** What a card claims, in its order. */
export function claimsOf(markdown: string, known: OwnNames): Claim[] {
  const statements = statementsOf(markdown);
  const own = ownNames(statements, known);
  return statements.flatMap((statement) => [
    ...namedClaims(statement, own),
    ...tensorTypeClaims(statement, own),
    ...quantityClaims(statement, own),
  ]);
}

/** The title says what the card is of; only a card that does not is of the file's own label. */
function ownNames(statements: readonly Statement[], known: OwnNames): OwnNames {
  const title = statements.find(({ kind }) => kind === 'title')?.text ?? '';
  const [label] = labelsIn(title);
  return { label: label ?? known.label, names: [...(title === '' ? [] : [title]), ...known.names] };
}

const NAMED: readonly { readonly kind: ClaimKind; readonly label: RegExp }[] = [
  { kind: 'base-model', label: /^(?:base[ _-]?model|original[ _-]model|quantized from|finetuned? from)$/i },
  { kind: 'architecture', label: /^(?:model )?(?:arch|architecture)$/i },
  { kind: 'format', label: /^(?:file |model )?format$/i },
  { kind: 'license', label: /^licen[cs]e$/i },
  { kind: 'quantization', label: /^quant(?:ization|isation|\.)?(?: (?:type|method|level|format))?$/i },
  { kind: 'knowledge-cutoff', label: /knowledge cut-?off|training data/i },
];

/** Claims whose value is a name. */
function namedClaims(statement: Statement, own: OwnNames): Claim[] {
  const { kind, label, text } = statement;
  if (kind === 'title') {
    const [quantization] = labelsIn(text);
    return [
      claim(statement, 'name', { kind: 'own' }, text),
      ...(quantization === undefined
        ? []
        : [claim(statement, 'quantization', { kind: 'own' }, quantization)]),
    ];
  }
  const imatrix = /\b(?:imatrix|importance matrix)\b/i.test(`${label} ${text}`)
    ? [claim(statement, 'imatrix', subjectOf(statement, text, own), text)]
    : [];
  const rule = NAMED.find((each) => each.label.test(label));
  if (rule === undefined) return imatrix;
  if (rule.kind !== 'quantization') {
    // A value that names another model is the claim itself here, not its subject.
    const subject = statement.row === '' ? ({ kind: 'own' } as const) : subjectOf(statement, '', own);
    return [claim(statement, rule.kind, subject, text.replace(/\s*\([^)]*\)$/, '')), ...imatrix];
  }
  const [quantization] = labelsIn(text);
  if (quantization === undefined || statement.row !== '') return imatrix;
  return [claim(statement, 'quantization', { kind: 'own' }, quantization), ...imatrix];
}

const TENSOR_TYPE =
  /(?<![A-Za-z0-9])(?:GGML_TYPE_)?(Q[2-8]_K|Q[458]_[01]|IQ[1-4]_(?:XXS|XS|NL|S|M)|B?F16|F32)(?![A-Za-z0-9_])/gi;

/** `Q6_K for half of attention.wv and feed_forward.w2, else Q4_K`: of each type, the tensors that its clause names. */
function tensorTypeClaims(statement: Statement, own: OwnNames): Claim[] {
  const namedRoles = rolesIn(statement.row === '' ? statement.label : statement.head);
  return clausesOf(statement.text).flatMap(({ text }) => {
    const [type] = [...text.matchAll(TENSOR_TYPE)].map(([, name = '']) => name.toUpperCase());
    if (type === undefined) return [];
    const inClause = rolesIn(text);
    const roles = inClause.length > 0 ? inClause : namedRoles;
    const share = /\bhalf\b/i.test(text) ? 'half of ' : OF_SOME.test(text) ? 'some of ' : '';
    return roles.map((role) => ({
      ...claim(statement, 'tensor-type', tensorsOf(statement, own), `${type} for ${share}${role.name}`),
      roles: role,
      words: type,
    }));
  });
}

const OF_SOME = /\b(?:in layers?|elsewhere|else|some|others?|remaining|rest|\d+ of \d+)\b/i;

/** A type beside tensors is theirs; only a row whose first cell names no tensors is of another file. */
function tensorsOf(statement: Statement, own: OwnNames): Subject {
  if (statement.row === '' || rolesIn(statement.head).length > 0) return { kind: 'own' };
  return subjectOf({ ...statement, label: '', headings: [] }, '', own);
}

function quantityClaims(statement: Statement, own: OwnNames): Claim[] {
  const quantities = quantitiesIn(statement.text);
  return quantities.flatMap((quantity) => {
    const meant = restatedBy(quantity, quantities, statement.text) ?? quantity;
    const clause = clauseAt(statement.text, meant);
    const near = partAt(statement.text, meant);
    const kind = kindOf(statement, meant, clause, quantities);
    if (kind === null) return [];
    const subject = kind === 'tensor-bits' ? tensorsOf(statement, own) : subjectOf(statement, clause, own);
    const base = {
      ...claim(statement, kind, subject, quantity.text),
      quantity,
      near,
      beside: quantities.filter((other) => other !== quantity),
    };
    if (kind !== 'tensor-bits') return [base];
    const roles = rolesIn(clause);
    const named = rolesIn(statement.row === '' ? statement.label : statement.head);
    return (roles.length > 0 ? roles : named).map((role) => ({
      ...base,
      says: `${quantity.text} for ${role.name}`,
      roles: role,
    }));
  });
}

/** Of `2.34 GB (2.18 GiB)` the first: the second is the same figure again. */
function restatedBy(quantity: Quantity, all: readonly Quantity[], text: string): Quantity | undefined {
  const before = all[all.indexOf(quantity) - 1];
  if (before?.unit !== 'bytes' || quantity.unit !== 'bytes') return undefined;
  return /^\s*\(\s*[~≈=]?\s*$/.test(text.slice(before.end, quantity.start)) ? before : undefined;
}

/** What a number is of, or null where nothing says so: a guess would accuse somebody. */
function kindOf(
  { text, label, kind, headings, row, head }: Statement,
  quantity: Quantity,
  clause: string,
  all: readonly Quantity[],
): ClaimKind | null {
  const { unit, bound, start, end } = quantity;
  const [before, after] = [text.slice(Math.max(0, start - 30), start), text.slice(end, end + 30)];
  const words = `${label} ${clause}`;
  const isComparison = /\b(?:than|vs|versus|compared|unlike|outperforms?|beats?)\b/i.test(clause);
  switch (unit) {
    case 'bytes':
      return sizeKind({
        label,
        clauses: [partAt(text, quantity), clause, sentenceAt(text, quantity)],
        before,
        after,
        headings,
      });
    case 'percent':
      if (/batter|heat|power|cpu|gpu/i.test(words)) return null;
      if (/accura|quality|loss|worse|perplexity|degrad/i.test(words)) return 'accuracy';
      return /reduc|smaller|compress|sav(?:es|ing|ed)|shrink/i.test(words) &&
        !/latency|time|cost/i.test(words)
        ? 'size-reduction'
        : null;
    case 'factor':
      if (/batter|drain|heat/i.test(words)) return null;
      if (/faster|speed|slower/i.test(words)) return 'speed-up';
      return /smaller|compress|reduc/i.test(words) ? 'size-factor' : null;
    case 'rate':
      return 'speed';
    case 'time':
      return bound === null && /first token|ttft|latency|time to/i.test(words) ? 'latency' : null;
    case 'bpw':
      return rolesIn(clause).length > 0 ? 'tensor-bits' : 'bits-per-weight';
    case 'bits':
      // 16 and 32 bits are what it was made from.
      if (
        quantity.high > 8 ||
        /\bfrom\s*$/i.test(before) ||
        /^[-\s]*(?:float|system|os\b|arm|cpu)/i.test(after)
      )
        return null;
      if (isComparison) return null;
      return rolesIn(clause).length > 0 || rolesIn(label).length > 0 ? 'tensor-bits' : 'weight-bits';
    case 'parameters':
      if (isComparison) return null;
      if (/param|weights/i.test(quantity.text)) return 'parameters';
      return /param|model|size/i.test(label) || /^\s*(?:model|param)/i.test(after) || kind === 'title'
        ? 'parameters'
        : null;
    case 'tokens':
      // In prose about memory or speed it is their condition.
      if (!/context|ctx/i.test(label) && /\b(?:kv|cache|generat\w*|prompt|speed|memory|ram)\b/i.test(text))
        return null;
      return isContext(words, quantity, all, before) ? 'context-length' : null;
    case 'layers':
      if (/offload|gpu|ngl|\b(?:first|last|every|of(?: the)?)\s*$|half/i.test(`${before} ${clause}`))
        return null;
      return isComparison ? null : 'layers';
    case 'heads':
      return isComparison ? null : 'heads';
    case 'kvHeads':
      return isComparison ? null : 'kv-heads';
    case 'plain':
      if (bound !== null || start > 0) return null;
      if (row !== '' && rolesIn(head).length > 0) return /^bits|bpw/i.test(label) ? 'tensor-bits' : null;
      return isContext(label, quantity, all, before) ? 'context-length' : plainKind(label);
  }
}

const PLAIN: readonly (readonly [RegExp, ClaimKind])[] = [
  [/^(?:n[_ ]|number of |num[_ ])?(?:hidden |transformer )?(?:layers|blocks|block[_ ]count)$/i, 'layers'],
  [/^(?:kv|key[-/ ]value)[-_ ]heads$|head_count_kv|num_key_value_heads/i, 'kv-heads'],
  [/^(?:number of |num[_ ])?(?:attention[-_ ])?heads$|head_count$/i, 'heads'],
  [/^(?:hidden|embedding|model)[-_ ](?:size|length|dim(?:ension)?)$|^d_model$|n_embd/i, 'embedding-length'],
  [/^(?:feed[-_ ]?forward|intermediate|ffn)[-_ ](?:size|length|dim(?:ension)?)$/i, 'feed-forward-length'],
  [/vocab/i, 'vocabulary'],
  [/^(?:n[_ ]|number of )?param(?:eter)?s(?: count)?$/i, 'parameters'],
  [/^bits$/i, 'weight-bits'],
  [/^(?:bpw|bits per weight)$/i, 'bits-per-weight'],
];

function plainKind(label: string): ClaimKind | null {
  return PLAIN.find(([pattern]) => pattern.test(label.trim()))?.[1] ?? null;
}

/** Beside a size or a speed a number of tokens is their condition. */
function isContext(
  words: string,
  { bound, text }: Quantity,
  all: readonly Quantity[],
  before: string,
): boolean {
  if (/vocab/i.test(words) || all.some(({ unit }) => unit === 'bytes' || unit === 'rate')) return false;
  if (bound !== null && !/^up to/i.test(text)) return false;
  if (/recommend|default|tested|sliding|-c\s*$|n_predict|reply|response/i.test(`${words} ${before}`))
    return false;
  return /context|\bctx\b|sequence length|token limit/i.test(words);
}

function claim(statement: Statement, kind: ClaimKind, subject: Subject, says: string): Claim {
  const { line, quote, label, text, row, conditions, headings } = statement;
  const words = [label, text, row, conditions].join(' | ');
  const scope = headings.join(' | ');
  return {
    line,
    quote,
    kind,
    subject,
    says,
    quantity: null,
    roles: null,
    near: text,
    words,
    scope,
    beside: [],
  };
}

interface Clause {
  readonly text: string;
  readonly start: number;
  readonly end: number;
}

const SENTENCE = /\.\s/g;
/** Parts of a sentence that may each be about something else. */
const CLAUSE = /[;()|]|,\s|\.\s|\s[—–]\s/g;
const PART = /[;()|]|,\s|\.\s|\s[—–]\s|\s(?:and|but|while|whereas|plus)\s/g;

function split(text: string, marks: RegExp): Clause[] {
  const clauses: Clause[] = [];
  let start = 0;
  for (const { index, 0: mark } of text.matchAll(marks)) {
    clauses.push({ text: text.slice(start, index), start, end: index });
    start = index + mark.length;
  }
  clauses.push({ text: text.slice(start), start, end: text.length });
  return clauses;
}

function clausesOf(text: string): Clause[] {
  return split(text, CLAUSE);
}

function textAt(text: string, { start }: Quantity, marks: RegExp): string {
  return split(text, marks).find((clause) => start >= clause.start && start <= clause.end)?.text ?? text;
}

function partAt(text: string, quantity: Quantity): string {
  return textAt(text, quantity, PART);
}

function clauseAt(text: string, quantity: Quantity): string {
  return textAt(text, quantity, CLAUSE);
}

function sentenceAt(text: string, quantity: Quantity): string {
  return textAt(text, quantity, SENTENCE);
}

/** How two claims of a kind and subject find each other. */
export function subjectKey({ subject }: Claim): string {
  if (subject.kind === 'own') return '';
  return subject.kind === 'variant' ? subject.label : bare(subject.name);
}
