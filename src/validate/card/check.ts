import type { CardCheck } from '../../schema/card-check.ts';
import { SCHEMA_IDS } from '../../schema/terms.ts';
import type { Claim } from './claim.ts';
import { claimsOf } from './claims.ts';
import { contradictionsIn } from './contradictions.ts';
import type { CardFacts } from './facts.ts';
import { judgeClaim } from './judge.ts';
import type { Judgement } from './verdict.ts';

export interface CardSources {
  readonly card: string;
  readonly ref: string | null;
  readonly results: string | null;
}

/** Finds a card's claims and tests each; contradictions need no model. */
export function checkCard(markdown: string, facts: CardFacts | null, sources: CardSources): CardCheck {
  const own =
    facts === null
      ? { label: null, names: [] }
      : { label: facts.quantization.label.label, names: namesOf(facts) };
  const found = claimsOf(markdown, own);
  const claims = found.map((claim) => ({ ...described(claim), ...judgeClaim(claim, facts) }));
  const contradictions = contradictionsIn(found);
  const count = (verdict: Judgement['verdict']): number =>
    claims.filter((each) => each.verdict === verdict).length;
  const counts = { true: count('true'), false: count('false'), notCheckable: count('not checkable') };
  return {
    schema: SCHEMA_IDS.cardCheck,
    card: sources.card,
    model:
      facts === null || sources.ref === null
        ? null
        : {
            ref: sources.ref,
            fileName: facts.fileName,
            fileBytes: facts.fileBytes,
            label: facts.quantization.label.label,
          },
    results: sources.results,
    verdict: counts.false > 0 || contradictions.length > 0 ? 'wrong' : 'ok',
    counts,
    claims,
    contradictions,
  };
}

function namesOf({ model, fileName }: CardFacts): string[] {
  return [model.name, fileName, ...model.baseModels].filter((name) => name !== undefined);
}

function described({ line, quote, kind, says, subject }: Claim) {
  const whose = subject.kind === 'own' ? null : subject.kind === 'variant' ? subject.label : subject.name;
  return { line, quote, kind, says, subject: whose };
}
