import type { Claim } from './claim.ts';
import { namedClaims } from './named-claims.ts';
import { quantityClaims } from './quantity-claims.ts';
import type { Statement } from './statement.ts';
import { statementsOf } from './statements.ts';
import { labelsIn, type OwnNames } from './subject.ts';
import { tensorTypeClaims } from './tensor-claims.ts';

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
  const bases = statements.filter(({ kind, label }) => kind === 'field' && label === 'base_model');
  const labels = [...new Set(labelsIn(title))];
  const names = [title, ...bases.map(({ text }) => text), ...known.names].filter((name) => name !== '');
  return { label: labels.length === 1 ? (labels[0] ?? known.label) : known.label, names };
}
