import type { EngineSession } from '../../engine/index.ts';
import type { TensorType } from '../../gguf/index.ts';
import type { Model, ModelHeader } from '../../model/model.ts';
import { recipeOf } from '../../quantize/recipes.ts';
import { isQuantized, type Plan, plannedBytes, planRecipe } from '../quantize/plan.ts';
import type { Settings } from '../quantize/settings.ts';

/** What a stock recipe makes of the model. */
export interface Stock {
  readonly plan: Plan;
  readonly bytes: number;
  readonly types: ReadonlyMap<string, TensorType>;
}

export async function stockOf(
  session: EngineSession,
  model: Model,
  source: ModelHeader,
  name: string,
  settings: Settings,
): Promise<Stock> {
  const plan = await planRecipe(session, model, source, recipeOf(name), settings);
  const quantized = plan.tensors.filter(({ type }) => isQuantized(type));
  return {
    plan,
    bytes: plannedBytes(plan, source, settings),
    types: new Map(quantized.map(({ tensor, type }) => [tensor.name, type])),
  };
}
