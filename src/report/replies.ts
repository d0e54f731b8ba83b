import { answersOf, questionsOfKind } from '../measure/answers.ts';
import type { Question, Results } from '../schema/results.ts';
import { ANSWER_KINDS, type AnswerKind, type ReplyFilter } from '../schema/terms.ts';
import { printable } from './text-width.ts';

/** What one variant said to a question. */
export interface ShownReply {
  readonly variant: string;
  readonly isReference: boolean;
  readonly text: string;
  readonly correct: boolean;
}

/** A question with what each variant said to it. */
export interface AskedQuestion extends Question {
  readonly kind: AnswerKind;
  /** From 1, in the order of its file. */
  readonly number: number;
  readonly replies: readonly ShownReply[];
}

/** The questions of results whose replies were kept, with the replies; those of a share of them are left out. */
export function askedQuestions(results: Results, filter: ReplyFilter): AskedQuestion[] {
  return ANSWER_KINDS.flatMap((kind) => {
    const questions = results.questions?.[questionsOfKind(kind)] ?? [];
    const answered = results.variants.flatMap((variant) => {
      const { replies, outcomes: correct = [] } = answersOf(variant, kind) ?? {};
      return replies?.length === questions.length ? [{ name: variant.name, replies, correct }] : [];
    });
    return questions.flatMap((question, index): AskedQuestion[] => {
      const replies = answered.map(({ name, replies: texts, correct }) => ({
        variant: name,
        isReference: name === results.reference,
        text: texts[index] ?? '',
        correct: correct[index] === true,
      }));
      if (replies.length === 0 || !isShown(replies, filter)) return [];
      return [{ ...question, kind, number: index + 1, replies }];
    });
  });
}

function isShown(replies: readonly ShownReply[], filter: ReplyFilter): boolean {
  switch (filter) {
    case 'all':
      return true;
    case 'failed':
      return replies.some(({ correct }) => !correct);
    case 'flipped': {
      const reference = replies.find(({ isReference }) => isReference) ?? replies[0];
      return replies.some(({ correct }) => correct !== reference?.correct);
    }
  }
}

/** How an answer is headed. */
export function questionName({ kind, number, task }: AskedQuestion): string {
  const grammar = kind === 'toolsWithGrammar' ? ', under the grammar' : '';
  return `${KIND_NAMES[kind]} ${number}, ${printable(task)}${grammar}`;
}

const KIND_NAMES: Readonly<Record<AnswerKind, string>> = {
  tasks: 'Task',
  choices: 'Choice',
  tools: 'Tool call',
  toolsWithGrammar: 'Tool call',
};

/** What must be said of a question's answers: how a reply is held against them. */
export function ruleText({ rule, answers, choices }: Question): string {
  const said = answers.map((answer) => `"${answer}"`).join(rule === 'contains-all' ? ' and ' : ' or ');
  return choices === undefined ? `${rule} ${said}` : `${rule}: ${said} of ${choices.length}`;
}

/** A text's words, and which of them another text does not have at that place of their longest common row. */
export function markedWords(
  text: string,
  other: string,
): { readonly word: string; readonly isNew: boolean }[] {
  const [own, theirs] = [wordsOf(text), wordsOf(other)];
  const width = theirs.length + 1;
  const longest = new Uint16Array((own.length + 1) * width);
  const at = (i: number, j: number) => longest[i * width + j] ?? 0;
  for (let i = own.length - 1; i >= 0; i--) {
    for (let j = theirs.length - 1; j >= 0; j--) {
      longest[i * width + j] =
        own[i] === theirs[j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1));
    }
  }
  const marked = [];
  let j = 0;
  for (const [i, word] of own.entries()) {
    while (j < theirs.length && theirs[j] !== word && at(i, j + 1) >= at(i + 1, j) && at(i, j + 1) > 0) j++;
    const isSame = j < theirs.length && theirs[j] === word && at(i, j) === at(i + 1, j + 1) + 1;
    if (isSame) j++;
    marked.push({ word, isNew: !isSame });
  }
  return marked;
}

/** As many as are compared: the beginning tells. */
const MOST_WORDS = 300;

function wordsOf(text: string): string[] {
  return text.split(/\s+/).filter(Boolean).slice(0, MOST_WORDS);
}
