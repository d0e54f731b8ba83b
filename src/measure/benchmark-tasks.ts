import { z } from 'zod';
import { followed, INSTRUCTION_IDS } from './instructions.ts';
import { type InvalidLine, readLine } from './json-lines.ts';
import type { Judged, TaskItem } from './tasks.ts';

/** Lines of GSM8K and IFEval as they are published, asked and judged as lm-evaluation-harness does (0.4.13). */

type Gsm8kItem = Extract<TaskItem, { readonly match: 'gsm8k' }>;
type IfevalItem = Extract<TaskItem, { readonly match: 'ifeval' }>;

const GSM8K_TOKENS = 256;
const IFEVAL_TOKENS = 1280;

const gsm8k = z.looseObject({
  question: z.string(),
  answer: z.string().regex(/####/, 'expected an answer that ends in #### and a number'),
});

const ifeval = z.looseObject({
  prompt: z.string(),
  instruction_id_list: z.array(z.string()).min(1),
  kwargs: z.array(z.record(z.string(), z.unknown())),
});

/** The task that a line of a benchmark stands for; null for a line of none. */
export function benchmarkTask(raw: object, invalid: InvalidLine): TaskItem | null {
  const has = (...fields: string[]) => fields.every((field) => Object.hasOwn(raw, field));
  if (has('instruction_id_list')) return ifevalItem(readLine(ifeval, raw, invalid), invalid);
  return has('question', 'answer') && !has('prompt') ? gsm8kItem(readLine(gsm8k, raw, invalid)) : null;
}

function gsm8kItem({ question, answer }: z.infer<typeof gsm8k>): Gsm8kItem {
  return {
    task: 'gsm8k',
    prompt: `Question: ${question}\nAnswer:`,
    answers: [answer],
    match: 'gsm8k',
    isRaw: true,
    stopTexts: ['Question:', '</s>', '<|im_end|>'],
    maxTokens: GSM8K_TOKENS,
  };
}

function ifevalItem(line: z.infer<typeof ifeval>, invalid: InvalidLine): IfevalItem {
  const { prompt, instruction_id_list: ids, kwargs } = line;
  const unknown = ids.find((id) => !INSTRUCTION_IDS.has(id));
  if (unknown !== undefined) {
    throw invalid('instruction_id_list', `"${unknown}" cannot be checked here, leave such lines out`);
  }
  return {
    task: 'ifeval',
    prompt,
    answers: ids,
    match: 'ifeval',
    instructions: ids.map((id, index) => ({ id, args: kwargs[index] ?? {} })),
    maxTokens: IFEVAL_TOKENS,
  };
}

/** By `flexible-extract`, the last number; `strict-match` wants it behind ####. */
export function judgeGsm8k({ answers }: Gsm8kItem, reply: string): Judged {
  const strict = /#### (-?[0-9.,]+)/.exec(reply)?.[1];
  const flexible = reply.match(/-?[$0-9.,]{2,}|-?[0-9]+/g)?.at(-1);
  const isRight = (found: string | undefined) =>
    found !== undefined && answers.some((answer) => plainNumber(answer) === plainNumber(found));
  const measures = { 'flexible-extract': isRight(flexible), 'strict-match': isRight(strict) };
  return { correct: measures['flexible-extract'], measures };
}

/** What the harness leaves of an answer before it compares. */
function plainNumber(text: string): string {
  return text
    .replaceAll(',', '')
    .replaceAll('$', '')
    .replace(/^.*#### /s, '')
    .replace(/\.$/, '')
    .trim()
    .toLowerCase();
}

/** By `prompt_level_strict_acc`: all instructions are followed. */
export function judgeIfeval({ instructions, prompt }: IfevalItem, reply: string): Judged {
  const { strict, loose } = followed(instructions, prompt, reply);
  const measures = {
    'prompt-level strict': strict.every(Boolean),
    'prompt-level loose': loose.every(Boolean),
  };
  return { correct: measures['prompt-level strict'], measures };
}
