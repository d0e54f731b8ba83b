import { parseChoices } from '../../measure/choice-file.ts';
import { type ChoiceItem, choicesOf } from '../../measure/choices.ts';
import type { ComparisonVariant } from '../../measure/comparison-rows.ts';
import type { EvaluationText } from '../../measure/domains.ts';
import { evaluationSetFor } from '../../measure/evaluation-data.ts';
import { shownChoice, shownTask, withExamples } from '../../measure/few-shot.ts';
import { sha256OfText } from '../../measure/file-hash.ts';
import { shuffled } from '../../measure/random.ts';
import { SEQUENTIAL_ERROR_RATE } from '../../measure/sequential.ts';
import { parseTasks } from '../../measure/task-file.ts';
import type { TaskItem } from '../../measure/tasks.ts';
import { parseTools, type ToolItem } from '../../measure/tool-file.ts';
import type { Settings } from '../../schema/results.ts';
import { QuantscopeError, UsageError } from '../../util/errors.ts';
import { packagePath } from '../../util/package-files.ts';
import type { EvaluateRequest } from '../evaluate/request.ts';
import { readInputBytes } from '../input-file.ts';
import type { EvaluationRequest } from '../request.ts';
import { shown } from './shown-path.ts';
import { readTexts } from './texts.ts';

/** How much of it `--quick` takes. */
export const QUICK = { repetitions: 2, chunks: 8, taskItems: 64 } as const;

/** What of a request says what models are evaluated on. */
export type EvaluationOptions = Pick<
  EvaluateRequest,
  | keyof EvaluationRequest
  | 'choices'
  | 'tools'
  | 'grammar'
  | 'fewShot'
  | 'fewShotFrom'
  | 'template'
  | 'untilDecided'
  | 'maxTime'
  | 'shard'
> & { readonly context: number; readonly only?: readonly string[] };

/** What models are evaluated on. */
export interface EvaluationInput {
  readonly text: EvaluationText;
  readonly taskItems: readonly TaskItem[];
  readonly choiceItems: readonly ChoiceItem[];
  /** Empty where no tool calls are asked for. */
  readonly toolItems: readonly ToolItem[];
  /** How the results name the text and the tasks. */
  readonly evaluation: Settings['evaluation'];
  /** How they name the questions of multiple choice, where they are asked. */
  readonly choiceEvaluation: Pick<Settings['evaluation'], 'choices' | 'choicesSha256' | 'choiceItems'>;
  readonly toolEvaluation: Partial<Settings['evaluation']>;
}

/**
 * Reads what was asked for, or the package's own: for the embedded family the one it was trained for.
 * @throws UsageError `input/unreadable`, `usage/text`, `tasks/invalid`, `tasks/empty`, `choices/invalid`, `choices/empty`,
 *   `tools/invalid`, `tools/empty`, `few-shot/*`
 */
export async function readEvaluation(
  options: EvaluationOptions,
  variants: readonly ComparisonVariant[],
): Promise<EvaluationInput> {
  const { quick = false, fewShot = 0, fewShotFrom, template = 'auto', only } = options;
  const set = evaluationSetFor(modelNameOf(variants));
  const tasksPaths = listed(options.tasks ?? packagePath(`fixtures/${set}/tasks.jsonl`));
  const choicesPaths = listed(options.choices ?? []);
  const { text, names } = await readTexts(set, options.text);
  const tasks = await readAll(tasksPaths, '--tasks');
  const choices = await readAll(choicesPaths, '--choices');
  const tools = await readTools(options);
  let allTasks = tasks.flatMap(({ path, content }) => parseTasks(content.toString('utf8'), path));
  const parsedChoices = choices.flatMap(({ path, content }) => parseChoices(content, path));
  const asksChoices = only?.includes('choices') ?? true;
  let allChoices = choices.length > 0 ? parsedChoices : asksChoices ? choicesOf(allTasks) : [];
  if (fewShot > 0) {
    if (options.tasks === undefined && options.choices === undefined) {
      throw new UsageError('few-shot/nothing', '--few-shot is for the files of --tasks or --choices', {
        hint: 'Name one, such as --choices mmlu-test.jsonl --few-shot 5 --few-shot-from mmlu-dev.jsonl.',
      });
    }
    const from =
      fewShotFrom === undefined ? null : (await readAll([fewShotFrom], '--few-shot-from'))[0]?.content;
    const source = fewShotFrom ?? [...tasksPaths, ...choicesPaths].map(shown).join(', ');
    if (options.choices !== undefined) {
      const examples = from == null ? allChoices : parseChoices(from, source);
      const asked = from == null ? withoutFirst(allChoices, fewShot) : allChoices;
      allChoices = withExamples(asked, examples, fewShot, source, shownChoice);
    } else {
      const examples = from == null ? allTasks : parseTasks(from.toString('utf8'), source);
      const asked = from == null ? withoutFirst(allTasks, fewShot) : allTasks;
      allTasks = withExamples(asked, examples, fewShot, source, shownTask);
    }
  }
  if (template !== 'auto') {
    const isRaw = template === 'off';
    allTasks = allTasks.map((item) => ({ ...item, isRaw }));
    allChoices = allChoices.map((item) => ({ ...item, form: isRaw ? rawForm(item) : 'chat' }));
  }
  const askedTasks = quick ? thinned(allTasks) : allTasks;
  // One may stop after any of them only where their order says nothing of them.
  const taskItems = options.untilDecided === true ? shuffled(askedTasks, ORDER_SEED) : askedTasks;
  const choiceItems = quick ? thinned(allChoices) : allChoices;
  return {
    text,
    taskItems,
    choiceItems,
    ...tools,
    evaluation: {
      ...names,
      contextSize: options.context,
      chunks: options.chunks ?? (quick ? QUICK.chunks : null),
      tasks: tasksPaths.map(shown).join(', '),
      // Answers in another order are no answers to the same list.
      tasksSha256:
        options.untilDecided === true ? sha256OfText(`drawn: ${sha256Of(tasks)}`) : sha256Of(tasks),
      taskItems: taskItems.length,
      ...(fewShot > 0 ? { fewShot } : {}),
      ...(template === 'auto' ? {} : { template }),
      ...untilDecidedOf(options),
    },
    choiceEvaluation: {
      choices:
        choices.length === 0
          ? `from ${tasksPaths.map(shown).join(', ')}`
          : choicesPaths.map(shown).join(', '),
      choicesSha256: sha256Of(choices.length === 0 ? tasks : choices),
      choiceItems: choiceItems.length,
    },
  };
}

/** The package's own calls are in general's folder: the embedded family knows of no tools. */
async function readTools({
  only = [],
  tools,
  grammar = false,
  quick = false,
}: EvaluationOptions): Promise<Pick<EvaluationInput, 'toolItems' | 'toolEvaluation'>> {
  if (!only.includes('tools')) return { toolItems: [], toolEvaluation: {} };
  const paths = listed(tools ?? packagePath('fixtures/general/tools.jsonl'));
  const files = await readAll(paths, '--tools');
  const all = files.flatMap(({ path, content }) => parseTools(content.toString('utf8'), path));
  const toolItems = quick ? thinned(all) : all;
  return {
    toolItems,
    toolEvaluation: {
      tools: paths.map(shown).join(', '),
      toolsSha256: sha256Of(files),
      toolItems: toolItems.length,
      ...(grammar ? { grammar } : {}),
    },
  };
}

/** Of the order that tasks are asked in: the same in every run, so that one can be resumed. */
const ORDER_SEED = 42;

/** @throws UsageError `usage/max-time` */
function untilDecidedOf({
  untilDecided = false,
  maxTime,
  shard,
}: EvaluationOptions): Partial<Settings['evaluation']> {
  if (untilDecided && shard !== undefined) {
    throw new UsageError('usage/shard', '--until-decided needs a whole run, and --shard is a part of one', {
      hint: 'Leave one of them out.',
    });
  }
  if (untilDecided)
    return { untilDecided: { errorRate: SEQUENTIAL_ERROR_RATE, maxSeconds: maxTime ?? null } };
  if (maxTime === undefined) return {};
  throw new UsageError('usage/max-time', '--max-time is of use only with --until-decided', {
    hint: 'Add --until-decided, or bound the text with --chunks.',
  });
}

interface InputFile {
  readonly path: string;
  readonly content: Buffer;
}

function readAll(paths: readonly string[], flag: string): Promise<InputFile[]> {
  return Promise.all(paths.map(async (path) => ({ path, content: await readInputBytes(path, flag) })));
}

function sha256Of(files: readonly InputFile[]): string {
  return sha256OfText(Buffer.concat(files.map(({ content }) => content)));
}

function listed(value: string | readonly string[]): readonly string[] {
  return typeof value === 'string' ? [value] : value;
}

/** The first of each task are the examples, and are not asked. */
function withoutFirst<Item extends { readonly task: string }>(items: readonly Item[], count: number): Item[] {
  const seen = new Map<string, number>();
  return items.filter(({ task }) => {
    const before = seen.get(task) ?? 0;
    seen.set(task, before + 1);
    return before >= count;
  });
}

function rawForm({ form }: ChoiceItem): ChoiceItem['form'] {
  return form === 'chat' ? 'lm-eval' : form;
}

function modelNameOf(variants: readonly ComparisonVariant[]): string | null {
  for (const { described } of variants) {
    if (!(described instanceof QuantscopeError)) return described.model.name;
  }
  return null;
}

/** Evenly, so that every kind of item stays. */
function thinned<Item>(items: readonly Item[]): Item[] {
  const every = Math.max(1, Math.ceil(items.length / QUICK.taskItems));
  return items.filter((_, index) => index % every === 0);
}
