import type { ToolCall } from '../engine/replies.ts';
import type { Question, Results, VariantResult } from '../schema/results.ts';
import type { AnswerKind } from '../schema/terms.ts';
import { answersOf } from './answers.ts';
import type { ChoiceItem } from './choices.ts';
import { sha256OfText } from './file-hash.ts';
import type { TaskItem } from './tasks.ts';
import type { ToolItem } from './tool-file.ts';
import type { EvaluationMaterial } from './variant-plan.ts';

/** The questions that variants' replies are to, once there are replies. */
export function questionsOf(
  { taskItems, choiceItems, toolItems }: Pick<EvaluationMaterial, 'taskItems' | 'choiceItems' | 'toolItems'>,
  variants: readonly VariantResult[],
): Pick<Results, 'questions'> {
  const isAsked = (kind: AnswerKind) =>
    variants.some((variant) => answersOf(variant, kind)?.replies !== undefined);
  const [tasks, choices, tools] = [
    isAsked('tasks'),
    isAsked('choices'),
    isAsked('tools') || isAsked('toolsWithGrammar'),
  ];
  if (!tasks && !choices && !tools) return {};
  return {
    questions: {
      ...(tasks ? { tasks: taskItems.map(taskQuestion) } : {}),
      ...(choices ? { choices: choiceItems.map(choiceQuestion) } : {}),
      ...(tools ? { tools: toolItems.map(toolQuestion) } : {}),
    },
  };
}

function taskQuestion({ task, prompt, answers, match }: TaskItem): Question {
  return { task, prompt, answers: [...answers], rule: match };
}

function choiceQuestion({ task, prompt, choices, answer, measures, ending }: ChoiceItem): Question {
  const asked = ending === null ? prompt : `${prompt}_${ending}`;
  return { task, prompt: asked, answers: [choices[answer] ?? ''], rule: measures[0], choices: [...choices] };
}

function toolQuestion({ task, tools, messages, calls, answers }: ToolItem): Question {
  const said = messages.map(({ role, content, calls: made = [], tool }) =>
    [tool ?? role, [content, ...made.map(callText)].filter(Boolean).join(' ')].join(': '),
  );
  const wanted = calls.length > 0 ? [calls.map(callText).join(', ')] : [...answers];
  return {
    task,
    prompt: [...said, `Tools: ${tools.map(({ name }) => name).join(', ')}`].join('\n'),
    answers: wanted.length > 0 ? wanted : ['nothing'],
    rule: calls.length > 0 || answers.length === 0 ? 'calls' : 'calls nothing, says',
  };
}

function callText({ name, arguments: given }: ToolCall): string {
  return `${name}(${JSON.stringify(given)})`;
}

/**
 * The hash of each part of the questions that was asked, of the questions as they were put: their order, the examples
 * before them and their form are in it, which the hash of a file says nothing of.
 */
export function askedOf(
  { taskItems, choiceItems, toolItems }: Pick<EvaluationMaterial, 'taskItems' | 'choiceItems' | 'toolItems'>,
  parts: readonly string[],
): Partial<Record<'tasks' | 'choices' | 'tools', string>> {
  const items = { tasks: taskItems, choices: choiceItems, tools: toolItems };
  const asked = Object.entries(items).filter(([part]) => parts.includes(part));
  return Object.fromEntries(asked.map(([part, each]) => [part, sha256OfText(JSON.stringify(each))]));
}
