import { type Claim, claimOf } from './claim.ts';
import { around, type Clause } from './clauses.ts';
import type { Figure } from './figure.ts';
import { mayAgree, type Quantity, quantitiesIn } from './quantity.ts';
import { kindOf } from './quantity-kind.ts';
import { rolesIn } from './roles.ts';
import type { Statement } from './statement.ts';
import { type OwnNames, type Place, subjectOf } from './subject.ts';
import { labelledRoles, ofTensors } from './tensor-claims.ts';

const NEAR = 30;

/** Claims that are a figure. */
export function quantityClaims(statement: Statement, own: OwnNames): Claim[] {
  const { text, label } = statement;
  // Behind ± stands how sure the figure is.
  const all = quantitiesIn(text, unitOfLabel(label)).filter(
    ({ start }) => !/(?:±|\+\/-)\s*$/.test(text.slice(0, start)),
  );
  return all.flatMap((quantity) => {
    const restated = restatedBy(quantity, all, text);
    if (restated !== undefined && mayAgree(restated, quantity)) return [];
    const meant = restated ?? quantity;
    const { start, end } = meant;
    const { sentence, clause, part } = around(text, start);
    const together = all.filter((other) => other.start >= sentence.start && other.end <= sentence.end);
    const figure: Figure = {
      // What follows the first sentence is said of nothing in particular.
      statement: sentence.start === 0 ? statement : { ...statement, label: '' },
      quantity: meant,
      all: together,
      sentence: sentence.text,
      clause: clause.text,
      part: part.text,
      before: text.slice(Math.max(0, start - NEAR), start),
      after: text.slice(end, end + NEAR),
    };
    const kind = kindOf(figure);
    if (kind === null) return [];
    const claim: Claim = {
      ...claimOf(
        statement,
        kind,
        subjectOf(figure.statement, own, placeIn(text, sentence, part)),
        quantity.text,
      ),
      line: statement.line + statement.breaks.filter((offset) => offset <= quantity.start).length,
      quote: statement.kind === 'prose' || sentence.start > 0 ? sentence.text.trim() : statement.quote,
      quantity,
      near: part.text,
      words: [figure.statement.label, sentence.text, statement.row, statement.conditions].join(' | '),
      beside: together.filter((other) => other !== quantity),
    };
    return kind === 'tensor-bits' ? tensorBitsClaims(claim, statement, clause.text, own) : [claim];
  });
}

function tensorBitsClaims(claim: Claim, statement: Statement, clause: string, own: OwnNames): Claim[] {
  const inClause = rolesIn(clause);
  return (inClause.length > 0 ? inClause : labelledRoles(statement)).map((group) => ({
    ...claim,
    subject: ofTensors(statement, own),
    says: `${claim.says} for ${group.name}`,
    tensors: { group, type: null, share: 'most' },
  }));
}

/** `It` at the start of a sentence is what the sentence before it was about. */
function placeIn(text: string, sentence: Clause, part: Clause): Place {
  const isAboutBefore = /^\s*(?:it|its|they|that)\b/i.test(sentence.text);
  const previous = isAboutBefore
    ? around(text, Math.max(0, sentence.start - 2)).sentence.start
    : sentence.start;
  return {
    part: part.text,
    before: text.slice(previous, part.start),
    after: text.slice(part.end, sentence.end),
  };
}

/** `Size (GB)`, `Size/GB`, `Memory [MiB]`, `Params (B)`: the unit that numbers under a label are in. */
function unitOfLabel(label: string): string {
  return (
    /^(?:tok(?:ens?)?\/s(?:ec)?|tok(?:en)?s? per second|t\/s|tps|bpw|bits)$/i.exec(label)?.[0] ??
    /(?:\(|\/|\[|,\s*|\bin\s+)\s*([KMGT]i?B|B|billions?|bpw|bits?|%|tok(?:ens?)?\/s(?:ec)?|t\/s|tps|tok(?:en)?s? per second|ms|tokens?)\s*[\])]?$/i.exec(
      label,
    )?.[1] ??
    ''
  );
}

/** Of `2.34 GB (2.18 GiB)` and `12 t/s (10 to 14)` the first: the second is the same figure again. */
function restatedBy(quantity: Quantity, all: readonly Quantity[], text: string): Quantity | undefined {
  const before = all[all.indexOf(quantity) - 1];
  const isOne = before?.unit === quantity.unit && (quantity.unit === 'bytes' || quantity.unit === 'rate');
  if (!isOne) return undefined;
  return /^\s*[(/]\s*[~≈=]?\s*$/.test(text.slice(before.end, quantity.start)) ? before : undefined;
}
