import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { judge } from '../../src/measure/judge.ts';
import { parseTasks } from '../../src/measure/task-file.ts';

// lm-evaluation-harness's own filters and checkers, on the same replies.
const python = process.env['QUANTSCOPE_LM_EVAL'];
const peer = fileURLToPath(new URL('../../bench/harness/judge.py', import.meta.url));

type Measures = Readonly<Record<string, boolean>>;

function theirs(lines: readonly object[]): (Measures | null)[] {
  const input = lines.map((line) => JSON.stringify(line)).join('\n');
  const { stdout, stderr, status } = spawnSync(python ?? '', [peer], { input, encoding: 'utf8' });
  expect(status, stderr).toBe(0);
  return stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Measures | null);
}

function ours(line: object, reply: string): Measures | undefined {
  const [item] = parseTasks(JSON.stringify(line), 'items.jsonl');
  if (item === undefined) throw new Error('no item');
  return judge(item, reply).measures;
}

const NUMBERS: readonly [answer: string, replies: readonly string[]][] = [
  [
    'She has 7 * 2 = 14 eggs.\n#### 14',
    ['So 14.', '#### 14', '#### 14.', '14', '', 'It is 1,4', '-14', '$14.00'],
  ],
  [
    '#### 1,234',
    ['1234', '#### 1,234 dollars', 'about 1,234.', '#### $1,234', '1 234', '12 and 34', '1,234 or 5'],
  ],
  ['#### -3', ['-3', '#### -3', '3', 'minus 3', 'x = -3.', '5 - 3', '#### - 3']],
  ['#### 0.5', ['0.5', '.5', '#### .5', '#### 0.50', 'half', '0.5%', '...', '#### 0.5\n#### 7']],
  [
    '#### 70000',
    ['$70,000', '70000.', 'The profit is $70,000. ', '#### 70000\n\nQ', '70.000', '#### 70,000'],
  ],
];

const REPLIES = [
  '',
  'Yes',
  'My answer is yes.',
  'MY ANSWER IS NO.',
  'all of this is lower case',
  'Paris, Lima and Quito are capitals. They are far apart! Are they? Yes.',
  '<<A title>>\n\n* one\n* two\n- three\n\nP.S. remember the [name] and [place]',
  '"A quoted text with *one* and *two* marks and **three**"',
  '```json\n{"a": [1, 2]}\n```',
  '{"a": 1,}',
  'First paragraph here.\n\nSecond one: paris\n\nThird. Is there anything else?',
  'one***two***three',
  'one ******  two',
  'same******same',
  'Section 1\ntext\nSection 2\nmore text, with Paris PARIS paris',
  'Say hi. Hi there\n\nP.P.S. that was all',
  '* bullet *with* stars\n** not one\n*  third',
];

const INSTRUCTIONS: readonly [id: string, args: Readonly<Record<string, unknown>>][] = [
  ['keywords:existence', { keywords: ['paris', 'text'] }],
  ['keywords:frequency', { keyword: 'paris', frequency: 2, relation: 'at least' }],
  ['keywords:frequency', { keyword: 'one', frequency: 2, relation: 'less than' }],
  ['keywords:forbidden_words', { forbidden_words: ['yes', 'two'] }],
  ['keywords:letter_frequency', { letter: 'e', let_frequency: 3, let_relation: 'at least' }],
  ['length_constraints:number_paragraphs', { num_paragraphs: 3 }],
  ['length_constraints:number_words', { num_words: 8, relation: 'at least' }],
  ['length_constraints:number_words', { num_words: 8, relation: 'less than' }],
  [
    'length_constraints:nth_paragraph_first_word',
    { num_paragraphs: 3, nth_paragraph: 2, first_word: 'second' },
  ],
  ['detectable_content:number_placeholders', { num_placeholders: 2 }],
  ['detectable_content:postscript', { postscript_marker: 'P.S.' }],
  ['detectable_content:postscript', { postscript_marker: 'P.P.S' }],
  ['detectable_format:number_bullet_lists', { num_bullets: 3 }],
  ['detectable_format:number_bullet_lists', { num_bullets: 2 }],
  ['detectable_format:constrained_response', {}],
  ['detectable_format:number_highlighted_sections', { num_highlights: 2 }],
  ['detectable_format:multiple_sections', { section_spliter: 'Section', num_sections: 2 }],
  ['detectable_format:json_format', {}],
  ['detectable_format:title', {}],
  ['combination:two_responses', {}],
  ['combination:repeat_prompt', { prompt_to_repeat: 'Say hi.' }],
  ['startend:end_checker', { end_phrase: 'Is there anything else?' }],
  ['startend:quotation', {}],
  ['punctuation:no_comma', {}],
];

describe.skipIf(python === undefined)(
  'replies judged beside lm-evaluation-harness (QUANTSCOPE_LM_EVAL names its Python)',
  () => {
    it('GSM8K: the same by both filters', { timeout: 300_000 }, () => {
      const pairs = NUMBERS.flatMap(([answer, replies]) => replies.map((reply) => ({ answer, reply })));
      const judged = theirs(pairs.map((pair) => ({ kind: 'gsm8k', ...pair })));
      for (const [at, { answer, reply }] of pairs.entries())
        expect(ours({ question: 'How many?', answer }, reply), `${answer} | ${reply}`).toEqual(judged[at]);
    });

    it('IFEval: the same, strict and loose', { timeout: 300_000 }, () => {
      const prompt = 'Say hi.';
      const pairs = INSTRUCTIONS.flatMap(([id, args]) => REPLIES.map((reply) => ({ id, args, reply })));
      const judged = theirs(pairs.map((pair) => ({ kind: 'ifeval', prompt, ...pair })));
      const differing = pairs.flatMap(({ id, args, reply }, at) => {
        const own = ours({ prompt, instruction_id_list: [id], kwargs: [args] }, reply);
        const same = JSON.stringify(own) === JSON.stringify(judged[at]);
        return same
          ? []
          : [`${id} ${JSON.stringify(reply)}: ${JSON.stringify(own)}, not ${JSON.stringify(judged[at])}`];
      });
      expect(differing).toEqual([]);
    });
  },
);
