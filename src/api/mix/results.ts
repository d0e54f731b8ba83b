import { Moments } from '../../measure/moments.ts';
import { mixCurve, type TypeChoice } from '../../quantize/choose-types.ts';
import type { MixResults } from '../../schema/mix.ts';
import { SCHEMA_IDS } from '../../schema/terms.ts';
import { packageVersion } from '../../util/package-files.ts';
import type { Chosen } from './choice.ts';
import { typesOfMix } from './files.ts';
import { goalText } from './goal.ts';
import type { Journal } from './journal.ts';
import type { PhoneLimits } from './phone.ts';
import type { Stock } from './stock.ts';
import type { ComparedText } from './texts.ts';
import type { Measured, Workbench } from './workbench.ts';
import type { Workplace } from './workplace.ts';

export type Row = MixResults['measured'][number] & Pick<Measured, 'klds'>;

/** Of a normal distribution: differences larger than so many standard errors are no chance. */
const SURE = 1.96;

/** By the differences at the same positions, whose error is smaller than that of two means. */
export function verdictOf(mix: Float64Array, stock: Float64Array): MixResults['verdict'] {
  const difference = new Moments();
  for (const [position, value] of mix.entries()) difference.add(value - (stock[position] ?? value));
  if (Math.abs(difference.mean) <= SURE * difference.standardError) return 'within the error';
  return difference.mean < 0 ? 'better' : 'worse';
}

export interface Found extends Pick<MixResults, 'verdict' | 'written' | 'durationMs'> {
  readonly bench: Workbench;
  readonly chosen: Chosen;
  readonly compared: Stock;
  readonly rows: readonly Row[];
  readonly fixedBytes: number;
  readonly phone: PhoneLimits | null;
  readonly journal: Journal;
}

export function documentOf(
  { session, model, source, request, goal, paths, budgetBytes }: Workplace,
  { bench, chosen, compared, rows, fixedBytes, phone, journal, ...found }: Found,
): MixResults {
  const { version, llamaCpp, build } = session.info;
  const { mix, offered, choiceKld } = chosen;
  return {
    schema: SCHEMA_IDS.mix,
    tool: { version: packageVersion() },
    engine: { version, llamaCpp, build },
    source: { ref: model.ref, bytes: source.bytes },
    goal: goalText(goal),
    recipe: compared.plan.recipe.name,
    comparedWith: compared.plan.recipe.name,
    budgetBytes,
    imatrix: request.imatrix ?? null,
    choiceText: factsOf(bench.choice),
    testText: factsOf(bench.test),
    groups: offered.map(({ name, tensors, choices }, index) => ({
      ...typeFacts(tensors, mix.choices[index], compared),
      name,
      tensors: [...tensors],
      choices: [...choices],
    })),
    predictedKld: mix.loss,
    choiceKld,
    curve: mixCurve(offered).map(({ bytes, loss }) => ({ bytes: bytes + fixedBytes, predictedKld: loss })),
    measured: rows.map(({ klds: _, ...row }) => row).sort((a, b) => a.bytes - b.bytes),
    phone: phone === null ? null : phoneFacts(phone, chosen),
    losses: { measured: journal.measured, reused: journal.reused, journal: paths.journal },
    ...found,
  };
}

function typeFacts(tensors: readonly string[], choice: TypeChoice | undefined, { plan }: Stock) {
  const names = new Set(tensors);
  const stock = plan.tensors.filter(({ tensor }) => names.has(tensor.name));
  const elements = stock.reduce((sum, { tensor }) => sum + tensor.elements, 0);
  return {
    type: choice?.type ?? '',
    bits: (8 * (choice?.bytes ?? 0)) / elements,
    stockTypes: [...new Set(stock.map(({ type }) => type))],
    stockBits: (8 * stock.reduce((sum, { bytes }) => sum + bytes, 0)) / elements,
  };
}

function phoneFacts({ device, backend, types, speed }: PhoneLimits, { mix, offered }: Chosen) {
  const predicted = speed(typesOfMix(offered, mix));
  return {
    device: device.name,
    backend,
    types: types === null ? null : [...types],
    generationTps: predicted?.generationTps ?? null,
    low: predicted?.low ?? null,
    high: predicted?.high ?? null,
  };
}

function factsOf({ path, plan, planned }: ComparedText): MixResults['choiceText'] {
  return { path, chunks: planned.chunks.length, contextSize: plan.contextSize };
}
