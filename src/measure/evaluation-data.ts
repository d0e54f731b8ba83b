/** The evaluation sets that ship: which one suits a model. */
export type EvaluationSet = 'nano' | 'general';

/**
 * The nano family knows its own small world and nothing else; every other model is asked general questions.
 * @param modelName `general.name` of the header
 */
export function evaluationSetFor(modelName: string | null): EvaluationSet {
  return modelName === 'Nano Phi-3' ? 'nano' : 'general';
}
