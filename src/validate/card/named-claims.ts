import type { ClaimKind } from '../../schema/terms.ts';
import { type Claim, claimOf } from './claim.ts';
import { LICENCE_NAMES } from './licences.ts';
import type { Statement } from './statement.ts';
import { labelsIn, type OwnNames, subjectOf } from './subject.ts';

const NAMED: readonly { readonly kind: ClaimKind; readonly label: RegExp }[] = [
  {
    kind: 'base-model',
    label:
      /^(?:base[ _-]?model|original[ _-]model|model|quantized from|fine-?tuned? from|derived from)(?: name)?$/i,
  },
  { kind: 'architecture', label: /^(?:model )?(?:arch|architecture)$/i },
  { kind: 'format', label: /^(?:file |model )?format$/i },
  { kind: 'license', label: /^licen[cs]e$/i },
  { kind: 'quantized-by', label: /^(?:quantized|quantised)[ _]by$/i },
  {
    kind: 'quantization',
    label: /^quant(?:ization|isation|\.)?(?:[ _](?:type|method|level|format|scheme))?$/i,
  },
  { kind: 'knowledge-cutoff', label: /knowledge cut-?off|training data/i },
];

/** Claims whose value is a name. */
export function namedClaims(statement: Statement, own: OwnNames): Claim[] {
  if (statement.kind === 'title') return titleClaims(statement);
  return [...labelledClaims(statement, own), ...proseClaims(statement, own)];
}

function titleClaims(statement: Statement): Claim[] {
  const { text } = statement;
  const labels = [...new Set(labelsIn(text))];
  const name = claimOf(statement, 'name', { kind: 'own' }, text);
  // More labels than one are what a repository offers.
  return labels.length === 1
    ? [name, ...labels.map((label) => claimOf(statement, 'quantization', { kind: 'own' }, label))]
    : [name];
}

function labelledClaims(statement: Statement, own: OwnNames): Claim[] {
  const { label, text, row } = statement;
  const rule = NAMED.find((each) => each.label.test(label));
  if (rule === undefined) return [];
  if (rule.kind === 'quantization') {
    const labels = labelsIn(text);
    // A column of quantizations names files, and a list of several is what there is to choose from.
    return row !== '' || labels.length !== 1
      ? []
      : labels.map((each) => claimOf(statement, 'quantization', { kind: 'own' }, each));
  }
  // A value that names another model is the claim itself here, not its subject.
  const subject = row === '' ? ({ kind: 'own' } as const) : subjectOf({ ...statement, label: '' }, own);
  return [claimOf(statement, rule.kind, subject, text.replace(/\s*\([^)]*\)$/, ''))];
}

const IMATRIX = /\b(?:imatrix|importance matrix)\b/i;
const NO_IMATRIX = /\b(?:no|without|non|not)\b[^.;]{0,30}\b(?:imatrix|importance matrix)\b/i;
const LICENSED = new RegExp(
  String.raw`(?:licensed under|released under|under)\s+(?:the\s+|an?\s+)?(?<under>${LICENCE_NAMES})|(?<named>${LICENCE_NAMES})[\s-]+licen[cs]e`,
  'i',
);

const CACHE_IN_WORDS = /\b(?:large|big|huge|small|tiny)\s+KV[- ]cache/i;

function proseClaims(statement: Statement, own: OwnNames): Claim[] {
  const { label, text, kind } = statement;
  const claims: Claim[] = [];
  const says = `${label} ${text}`;
  if (IMATRIX.test(says) && !NO_IMATRIX.test(says)) {
    claims.push(claimOf(statement, 'imatrix', subjectOf(statement, own), text));
  }
  const { under, named = under } = LICENSED.exec(text)?.groups ?? {};
  if (named !== undefined && kind !== 'field' && !/^licen[cs]e$/i.test(label)) {
    claims.push(claimOf(statement, 'license', subjectOf(statement, own), named));
  }
  const [cache] = CACHE_IN_WORDS.exec(text) ?? [];
  if (cache !== undefined) claims.push(claimOf(statement, 'kv-memory', subjectOf(statement, own), cache));
  return claims;
}
