import { bitsPerWeightOf, type TensorType } from '../../gguf/index.ts';
import { cheapest, chooseTypes, type Limit, type Mix } from '../../quantize/choose-types.ts';
import { estimateLosses, kindOfBlocks, type SurveyedChoice } from '../../quantize/loss-estimates.ts';
import { bytesOf, type Candidates } from './groups.ts';
import type { Journal } from './journal.ts';
import type { TypesByTensor, Workbench } from './workbench.ts';

/** A group of tensors, and what is known of its types. */
export interface SurveyedGroup extends Candidates {
  readonly errors: readonly number[];
  readonly measured: Map<TensorType, number>;
}

/** A group as the choice sees it: every type with a loss, measured or estimated. */
export interface OfferedGroup {
  readonly name: string;
  readonly tensors: readonly string[];
  readonly choices: readonly SurveyedChoice[];
}

/**
 * How much less than its estimate a type may lose: types that could win with so little are measured. Estimates are
 * within 0.6 to 1.6 of what is measured for most types of most tensors (bench/mix).
 */
const OPTIMISM = 0.65;
/** What could lessen a mix's loss by a smaller share than this is not worth a measurement. */
const WORTH_MEASURING = 0.02;
/** Rounds of measuring what could still win; most runs need four or five. */
const MOST_ROUNDS = 12;

export interface SurveyHooks {
  readonly journal: Journal;
  /** @param left measurements that will be needed, as far as is known */
  readonly onMeasure: (group: string, type: TensorType, done: number, left: number) => void;
}

/** Looks at each tensor's error in each type it can have: cheap, and it ranks types. */
export async function surveyErrors(
  bench: Workbench,
  candidates: readonly Candidates[],
  onGroup: (done: number) => void,
): Promise<SurveyedGroup[]> {
  const groups: SurveyedGroup[] = [];
  for (const group of candidates) {
    onGroup(groups.length);
    const errors = group.types.map(() => 0);
    for (const tensor of group.tensors) {
      for (const [index, error] of (await bench.errorsOf(tensor, group.types)).entries()) {
        errors[index] = (errors[index] ?? 0) + error;
      }
    }
    groups.push({ ...group, errors, measured: new Map() });
  }
  return groups;
}

/** Measures losses where they decide. */
export class Survey {
  readonly groups: readonly SurveyedGroup[];
  readonly #bench: Workbench;
  readonly #hooks: SurveyHooks;
  #done = 0;

  constructor(bench: Workbench, groups: readonly SurveyedGroup[], hooks: SurveyHooks) {
    this.#bench = bench;
    this.groups = groups;
    this.#hooks = hooks;
  }

  /** Measures every group once, at the type whose size is nearest to what the limit allows on average. */
  async begin(bitsPerWeight: number): Promise<void> {
    for (const [index, group] of this.groups.entries()) {
      const type = anchorOf(group, bitsPerWeight);
      if (type !== undefined) await this.#measure(group, type, this.groups.length - index);
    }
  }

  /**
   * Chooses, measures what could still win at the price that a byte has there, and chooses again, until nothing could.
   * @param limitOf the limit, which may depend on what is known
   * @returns null where no mix is within the limit
   */
  async choose(limitOf: (offered: readonly OfferedGroup[]) => Limit): Promise<Mix | null> {
    for (let round = 0; ; round++) {
      const offered = this.offered();
      const mix = chooseTypes(offered, limitOf(offered));
      if (mix === null) return null;
      const wanted = this.groups.flatMap((group, index) => {
        const choices = offered[index]?.choices ?? [];
        const type =
          round < MOST_ROUNDS ? contender(choices, mix.price, WORTH_MEASURING * mix.loss) : undefined;
        const taken = mix.choices[index]?.type;
        const next = type ?? (taken === undefined || group.measured.has(taken) ? undefined : taken);
        return next === undefined ? [] : [{ group, type: next }];
      });
      if (wanted.length === 0) return mix;
      for (const [index, { group, type }] of wanted.entries()) {
        await this.#measure(group, type, wanted.length - index);
      }
    }
  }

  /** Measures all types of these groups that the errors do not rule out: the share of one machine. */
  async measureAll(isOwn: (index: number) => boolean): Promise<void> {
    const own = this.groups.flatMap((group, index) =>
      isOwn(index) ? promising(group).map((type) => ({ group, type })) : [],
    );
    for (const [index, { group, type }] of own.entries())
      await this.#measure(group, type, own.length - index);
  }

  offered(): OfferedGroup[] {
    return this.groups.map(({ name, tensors, types, errors, measured }) => ({
      name,
      tensors: tensors.map((tensor) => tensor.name),
      choices: estimateLosses({
        types: types.map((type, index) => ({
          type,
          bytes: bytesOf(tensors, type),
          error: errors[index] ?? 0,
        })),
        measured,
      }),
    }));
  }

  async #measure(group: SurveyedGroup, type: TensorType, left: number): Promise<void> {
    if (group.measured.has(type)) return;
    this.#hooks.onMeasure(group.name, type, this.#done, left);
    const types: TypesByTensor = new Map(group.tensors.map(({ name }) => [name, type]));
    const loss = await this.#hooks.journal.loss(types, () => this.#bench.measure(types, this.#bench.choice));
    group.measured.set(type, Math.max(0, loss));
    this.#done++;
  }
}

/** Types that no smaller one of the same kind of blocks is as near to the weights as. */
function promising({ types, errors }: SurveyedGroup): TensorType[] {
  const all = types.map((type, index) => ({
    type,
    error: errors[index] ?? 0,
    bits: bitsPerWeightOf(type),
  }));
  const beats = (other: (typeof all)[number], one: (typeof all)[number]) =>
    kindOfBlocks(other.type) === kindOfBlocks(one.type) &&
    other.bits <= one.bits &&
    other.error <= one.error &&
    (other.bits < one.bits || other.error < one.error);
  return all.filter((one) => !all.some((other) => beats(other, one))).map(({ type }) => type);
}

function anchorOf({ types, tensors }: SurveyedGroup, bitsPerWeight: number): TensorType | undefined {
  const elements = tensors.reduce((sum, tensor) => sum + tensor.elements, 0);
  const distance = (type: TensorType) => Math.abs((bytesOf(tensors, type) * 8) / elements - bitsPerWeight);
  return types.reduce<TensorType | undefined>(
    (best, type) => (best === undefined || distance(type) < distance(best) ? type : best),
    undefined,
  );
}

/** The unmeasured type that could cost least, if it could cost so much less than the best choice so far. */
function contender(
  choices: readonly SurveyedChoice[],
  price: number,
  leastGain: number,
): TensorType | undefined {
  const best = cheapest(choices, price);
  const hopeful = choices
    .filter(({ measured }) => !measured)
    .map((choice) => ({ ...choice, loss: OPTIMISM * choice.loss }));
  if (hopeful.length === 0) return undefined;
  const first = cheapest(hopeful, price);
  if (price === Number.POSITIVE_INFINITY) return first.bytes < best.bytes ? first.type : undefined;
  const gain = best.loss + price * best.bytes - (first.loss + price * first.bytes);
  return gain > leastGain ? first.type : undefined;
}
