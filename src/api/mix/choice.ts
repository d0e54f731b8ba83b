import { parameterCount } from '../../gguf/index.ts';
import { chooseTypes, type Limit, type Mix } from '../../quantize/choose-types.ts';
import { UsageError } from '../../util/errors.ts';
import { typesOfMix } from './files.ts';
import { withinPhone } from './goal.ts';
import type { Journal } from './journal.ts';
import type { PhoneLimits } from './phone.ts';
import type { OfferedGroup, Survey } from './survey.ts';
import { digestOf } from './texts.ts';
import type { Workbench } from './workbench.ts';
import type { Workplace } from './workplace.ts';

/** What was chosen, and what lies beside it on the curve. */
export interface Chosen {
  readonly mix: Mix;
  readonly offered: readonly OfferedGroup[];
  /** Of the whole mix on the text of the choice. */
  readonly choiceKld: number;
  readonly neighbours: readonly { readonly name: string; readonly mix: Mix }[];
}

export interface ChoiceRequest {
  readonly place: Workplace;
  readonly bench: Workbench;
  readonly survey: Survey;
  readonly phone: PhoneLimits | null;
  /** Of the file, what is not chosen for. */
  readonly fixedBytes: number;
  readonly journal: Journal;
}

/** Sizes of the neighbours that are measured too. */
const NEIGHBOURS = [
  { name: '6 % smaller', share: 0.94 },
  { name: '6 % larger', share: 1.06 },
] as const;
/** Bits a weight that losses of a few thousandths of a nat take. */
const USUAL_BITS = 4.5;

/** Chooses by what the goal limits. */
export async function choose(request: ChoiceRequest): Promise<Chosen> {
  const { place, bench, survey, phone, fixedBytes, journal } = request;
  const { goal, budgetBytes, source } = place;
  const bits =
    budgetBytes === null ? USUAL_BITS : ((budgetBytes - fixedBytes) * 8) / parameterCount(source.header);
  await survey.begin(bits);
  const mix =
    goal.kind === 'max-kld'
      ? await smallestWithin(request, goal.most)
      : await survey.choose((offered) =>
          withinPhone({ of: 'bytes', most: (budgetBytes ?? 0) - fixedBytes }, offered, phone),
        );
  if (mix === null) throw new UsageError('mix/too-small', 'no mix is within the budget');
  const offered = survey.offered();
  const types = typesOfMix(offered, mix);
  const fault = phone?.fault(types) ?? null;
  if (fault !== null) {
    throw new UsageError('mix/phone', `the mix is not right for ${phone?.device.name}: ${fault}`, {
      hint: 'Allow a larger --max-kld, or take another phone.',
    });
  }
  const choiceKld = await journal.loss(types, () => bench.measure(types, bench.choice));
  const neighbours = NEIGHBOURS.flatMap(({ name, share }) => {
    const most = (mix.bytes + fixedBytes) * share - fixedBytes;
    const neighbour = chooseTypes(offered, { of: 'bytes', most });
    return neighbour === null || neighbour.bytes === mix.bytes ? [] : [{ name, mix: neighbour }];
  });
  return { mix, offered, choiceKld, neighbours };
}

/** Tries until the measured loss is as near below the limit as this. */
const NEAR = 0.97;
const MOST_TRIES = 6;

/**
 * The smallest mix that loses no more than `most` on the other text. How much more a mix loses there than the sum of its
 * parts on the text of the choice is found by measuring, and the sum's limit set by it.
 */
async function smallestWithin({ bench, survey, journal }: ChoiceRequest, most: number): Promise<Mix> {
  let limit = most;
  let best: Mix | undefined;
  let least = Number.POSITIVE_INFINITY;
  const tried = new Set<string>();
  for (let attempt = 0; attempt < MOST_TRIES; attempt++) {
    const of: Limit = { of: 'loss', most: limit };
    const mix = await survey.choose(() => of);
    if (mix === null) break;
    const types = typesOfMix(
      survey.groups.map(({ tensors }) => ({ tensors: tensors.map(({ name }) => name) })),
      mix,
    );
    const name = [...types.values()].join();
    if (tried.has(name)) break;
    tried.add(name);
    const { meanKld: measured } = await journal.figures(types, digestOf(bench.test), () =>
      bench.measure(types, bench.test),
    );
    least = Math.min(least, measured);
    const holds = measured <= most;
    if (holds && (best === undefined || mix.bytes < best.bytes)) best = mix;
    if (holds && measured >= NEAR * most) break;
    // A little less than in proportion, so that the next try is not above the limit by a hair.
    limit *= (most / Math.max(measured, Number.MIN_VALUE)) * (holds ? 0.995 : 0.98);
  }
  if (best !== undefined) return best;
  const lowest = Number.isFinite(least) ? `, the least that was measured is ${least.toPrecision(3)}` : '';
  throw new UsageError('mix/max-kld', `no mix was found with a mean KLD of at most ${most}${lowest}`, {
    hint: 'Allow more with --max-kld, or make Q8_0: quantscope quantize SOURCE Q8_0.',
  });
}
