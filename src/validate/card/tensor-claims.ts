import { type Claim, claimOf } from './claim.ts';
import { clausesOf } from './clauses.ts';
import { type RoleGroup, rolesIn } from './roles.ts';
import type { Statement } from './statement.ts';
import { labelsIn, type OwnNames, type Subject, subjectOf } from './subject.ts';

const TENSOR_TYPE =
  /(?<![A-Za-z0-9])(?:GGML_TYPE_)?(Q[2-8]_K|Q[458]_[01]|IQ[1-4]_(?:XXS|XS|NL|S|M)|B?F16|F32)(?![A-Za-z0-9_])/gi;
const OF_SOME =
  /\b(?:in (?:the )?(?:first |last )?(?:layers?|\d+)|elsewhere|else|some|others?|remaining|rest|mix\w*|more|\d+ of \d+)\b/i;

/** `Q6_K for half of attention.wv and feed_forward.w2, else Q4_K`: of each type, the tensors that its clause names. */
export function tensorTypeClaims(statement: Statement, own: OwnNames): Claim[] {
  const labelled = labelledRoles(statement);
  return clausesOf(statement.text).flatMap(({ text }) => {
    const types = [...new Set([...text.matchAll(TENSOR_TYPE)].map(([, name = '']) => name.toUpperCase()))];
    const inClause = rolesIn(text);
    const groups = inClause.length > 0 ? inClause : labelled;
    const subject = ofTensors(statement, own);
    const share = /\bhalf\b/i.test(text) ? 'half' : types.length > 1 || OF_SOME.test(text) ? 'some' : 'most';
    return types.flatMap((type) =>
      groups.map((group) => {
        const of = share === 'most' ? '' : `${share} of `;
        return {
          ...claimOf(statement, 'tensor-type', subject, `${type} for ${of}${group.name}`),
          tensors: { group, type, share },
        };
      }),
    );
  });
}

/** Tensors that a label or the first cell of a row names. */
export function labelledRoles({ row, head, label }: Statement): RoleGroup[] {
  return rolesIn(row === '' ? label : head);
}

/** Recipes whose names are no tensor types. */
const RECIPE = /_(?:XL|L|M|S)$/;

/** A type beside tensors is theirs; another file's are they in its row, or in a text that names its recipe. */
export function ofTensors(statement: Statement, own: OwnNames): Subject {
  if (statement.row === '') {
    const recipes = labelsIn(statement.text).filter((label) => RECIPE.test(label));
    const [first] = recipes;
    if (first === undefined || own.label === null || recipes.includes(own.label)) return { kind: 'own' };
    return { kind: 'variant', label: first };
  }
  if (rolesIn(statement.head).length > 0) return { kind: 'own' };
  return subjectOf({ ...statement, label: '', headings: [] }, own);
}
