import { isAvailable } from '../schema/availability.ts';
import type { Question, Results, VariantResult } from '../schema/results.ts';
import type { ChoiceItem } from './choices.ts';
import type { TaskItem } from './tasks.ts';
import type { EvaluationMaterial } from './variant-run.ts';

/** The questions that variants' replies are to, once there are replies. */
export function questionsOf(
  { taskItems, choiceItems }: Pick<EvaluationMaterial, 'taskItems' | 'choiceItems'>,
  variants: readonly VariantResult[],
): Pick<Results, 'questions'> {
  const isAsked = (kind: 'tasks' | 'choices') =>
    variants.some((variant) => {
      const outcomes = variant[kind];
      return outcomes !== undefined && isAvailable(outcomes) && outcomes.replies !== undefined;
    });
  const [tasks, choices] = [isAsked('tasks'), isAsked('choices')];
  if (!tasks && !choices) return {};
  return {
    questions: {
      ...(tasks ? { tasks: taskItems.map(taskQuestion) } : {}),
      ...(choices ? { choices: choiceItems.map(choiceQuestion) } : {}),
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
