import { isAvailable, type Unavailable } from '../schema/availability.ts';
import type { Tasks } from '../schema/figures.ts';
import type { AnswerKind } from '../schema/terms.ts';

/** A row with answers: of a variant, or of an endpoint, which is asked the tasks alone. */
export type Answered = { readonly [Kind in AnswerKind]?: Tasks | Unavailable | undefined };

/** What a row answered; null where it was not asked or there are no answers. */
export function answersOf(row: Answered, kind: AnswerKind): Tasks | null {
  const answers = row[kind];
  return answers !== undefined && isAvailable(answers) ? answers : null;
}

/** Whose questions these answers are to: those under a grammar are to the same ones. */
export function questionsOfKind(kind: AnswerKind): Exclude<AnswerKind, 'toolsWithGrammar'> {
  return kind === 'toolsWithGrammar' ? 'tools' : kind;
}
