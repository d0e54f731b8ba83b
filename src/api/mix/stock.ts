import type { EngineSession } from '../../engine/index.ts';
import type { TensorType } from '../../gguf/index.ts';
import type { Model, ModelHeader } from '../../model/model.ts';
import { recipeOf } from '../../quantize/recipes.ts';
import { isQuantized, type Plan, plannedBytes, planRecipe } from '../quantize/plan.ts';
import type { Settings } from '../quantize/settings.ts';

/** Recipes that are published for most models and need no importance matrix. */
const USUAL = [
  ...['Q2_K', 'Q3_K_S', 'Q3_K_M', 'Q3_K_L', 'IQ4_XS', 'Q4_0', 'Q4_K_S', 'Q4_K_M'],
  ...['Q5_K_S', 'Q5_K_M', 'Q6_K', 'Q8_0'],
] as const;

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

/** Every usual recipe, small first; of several of one size, as rows of few blocks bring about, the first. */
export async function usualStock(
  session: EngineSession,
  model: Model,
  source: ModelHeader,
  settings: Settings,
): Promise<Stock[]> {
  const bySize = new Map<number, Stock>();
  for (const name of USUAL) {
    const stock = await stockOf(session, model, source, name, settings);
    if (!bySize.has(stock.bytes)) bySize.set(stock.bytes, stock);
  }
  return [...bySize.values()].sort((a, b) => a.bytes - b.bytes);
}

/** The largest that is no larger, and the smallest that is larger. */
export function aroundSize(usual: readonly Stock[], bytes: number): Stock[] {
  const below = usual.filter((stock) => stock.bytes <= bytes).at(-1);
  const above = usual.find((stock) => stock.bytes > bytes);
  return [below, above].filter((stock) => stock !== undefined);
}
