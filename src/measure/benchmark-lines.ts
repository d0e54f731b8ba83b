import { z } from 'zod';
import type { ChoiceItem } from './choices.ts';
import { type InvalidLine, readLine } from './json-lines.ts';

/**
 * Lines of published benchmarks, made questions as lm-evaluation-harness makes them (lm_eval/tasks of 0.4.13): same
 * context, same answers, same measures, so that figures compare with published ones.
 */

/** Label or index, as text or number. */
const index = z.union([z.int(), z.string().regex(/^\d+$/, 'expected an index').transform(Number)]);

const hellaSwag = z.looseObject({
  activity_label: z.string(),
  ctx_a: z.string(),
  ctx_b: z.string(),
  endings: z.array(z.string()).min(2),
  label: index,
});

const arc = z.looseObject({
  question: z.string(),
  choices: z.looseObject({ text: z.array(z.string()).min(2), label: z.array(z.string()) }),
  answerKey: z.string(),
});

/** ARC as its authors ship it. */
const arcOriginal = z.looseObject({
  question: z.looseObject({
    stem: z.string(),
    choices: z.array(z.looseObject({ text: z.string(), label: z.string() })).min(2),
  }),
  answerKey: z.string(),
});

const mmlu = z.looseObject({
  question: z.string(),
  subject: z.string().optional(),
  choices: z.array(z.string()).length(4),
  answer: z.union([index, z.enum(['A', 'B', 'C', 'D']).transform((letter) => 'ABCD'.indexOf(letter))]),
});

const winoGrande = z.looseObject({
  sentence: z.string().regex(/_/, 'expected a sentence with _'),
  option1: z.string(),
  option2: z.string(),
  answer: z.enum(['1', '2']),
});

/** By the fields that tell a benchmark from others: what a line of it stands for. */
const READERS: readonly {
  readonly fields: readonly string[];
  readonly read: (line: object, invalid: InvalidLine) => ChoiceItem;
}[] = [
  {
    fields: ['endings', 'activity_label'],
    read: (line, invalid) => hellaSwagItem(readLine(hellaSwag, line, invalid)),
  },
  {
    fields: ['sentence', 'option1'],
    read: (line, invalid) => winoGrandeItem(readLine(winoGrande, line, invalid)),
  },
  { fields: ['question', 'answerKey'], read: arcItem },
  {
    fields: ['question', 'choices', 'answer'],
    read: (line, invalid) => mmluItem(readLine(mmlu, line, invalid)),
  },
];

/** The question that a line of a benchmark stands for; null for a line of none. */
export function benchmarkChoice(line: object, invalid: InvalidLine): ChoiceItem | null {
  const known = READERS.find(({ fields }) => fields.every((field) => Object.hasOwn(line, field)));
  if (known === undefined) return null;
  const item = known.read(line, invalid);
  if (item.answer >= 0 && item.answer < item.choices.length) return item;
  throw invalid(null, `its answer is none of the ${item.choices.length} choices`);
}

function hellaSwagItem(line: z.infer<typeof hellaSwag>): ChoiceItem {
  const { activity_label: activity, ctx_a: start, ctx_b: rest, endings, label } = line;
  return {
    ...rawItem('hellaswag', withoutTitles(`${activity}: ${start} ${capitalized(rest)}`)),
    choices: endings.map(withoutTitles),
    answer: label,
    measures: ['acc_norm', 'acc'],
  };
}

function arcItem(line: object, invalid: InvalidLine): ChoiceItem {
  const isOriginal = !('choices' in line);
  const { question, choices, answerKey } = isOriginal
    ? fromOriginal(readLine(arcOriginal, line, invalid))
    : readLine(arc, line, invalid);
  return {
    ...rawItem('arc', `Question: ${question}\nAnswer:`),
    choices: choices.text,
    answer: choices.label.indexOf(answerKey),
    measures: ['acc_norm', 'acc'],
  };
}

function fromOriginal({ question: { stem, choices }, answerKey }: z.infer<typeof arcOriginal>) {
  const [text, label] = [choices.map((each) => each.text), choices.map((each) => each.label)];
  return { question: stem, choices: { text, label }, answerKey };
}

function mmluItem({ question, subject, choices, answer }: z.infer<typeof mmlu>): ChoiceItem {
  const letters = ['A', 'B', 'C', 'D'];
  const lines = choices.map((choice, i) => `${letters[i]}. ${choice}`);
  const about = subject?.replaceAll('_', ' ');
  return {
    ...rawItem(
      subject === undefined ? 'mmlu' : `mmlu_${subject}`,
      `${[question.trim(), ...lines].join('\n')}\nAnswer:`,
    ),
    before:
      about === undefined
        ? ''
        : `The following are multiple choice questions (with answers) about ${about}.\n\n`,
    choices: letters,
    answer,
    measures: ['acc'],
  };
}

function winoGrandeItem({ sentence, option1, option2, answer }: z.infer<typeof winoGrande>): ChoiceItem {
  const blank = sentence.indexOf('_');
  return {
    ...rawItem('winogrande', sentence.slice(0, blank)),
    choices: [option1, option2],
    ending: sentence.slice(blank + 1).trim(),
    answer: Number(answer) - 1,
    measures: ['acc'],
  };
}

function rawItem(task: string, prompt: string) {
  return { task, form: 'lm-eval', before: '', prompt, ending: null } as const;
}

/** What the harness does to HellaSwag's text: marks of WikiHow's go. */
function withoutTitles(text: string): string {
  return text
    .trim()
    .replaceAll(' [title]', '. ')
    .replaceAll(/\[.*?\]/g, '')
    .replaceAll('  ', ' ');
}

/** As Python's str.capitalize. */
function capitalized(text: string): string {
  const [first = ''] = text;
  return first.toUpperCase() + text.slice(first.length).toLowerCase();
}
