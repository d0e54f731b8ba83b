import type { EngineSession } from '../engine/engine.ts';
import { isAvailable, unavailableBecause } from '../schema/availability.ts';
import type { Speed } from '../schema/figures.ts';
import type { Results } from '../schema/results.ts';
import type { Stage } from '../schema/terms.ts';
import { messageOf, QuantscopeError } from '../util/errors.ts';
import type { ComparisonEnvironment, ComparisonInput } from './comparison-plan.ts';
import { ComparisonReference } from './comparison-reference.ts';
import { blankRow, type ComparisonVariant, ELSEWHERE, missingStages } from './comparison-rows.ts';
import { ComparisonState } from './comparison-state.ts';
import { timeInTurns } from './comparison-turns.ts';
import { measureCopyBandwidth } from './copy-bandwidth.ts';
import { ownFailure } from './engine-faults.ts';
import { startIn } from './environment.ts';
import { sha256OfFiles } from './file-hash.ts';
import { isOwn } from './share.ts';
import type { DescribedFile } from './size.ts';
import { evaluateVariant } from './variant-evaluation.ts';
import { partsOf, type VariantHooks, type VariantPlan } from './variant-plan.ts';
import { findThreadsFor, measureVariant } from './variant-run.ts';

/**
 * Measures every variant in a process of its own, one after another, the reference first, and recommends one.
 * A variant that fails becomes a row with its reason and the others go on.
 * @throws UsageError, an EngineError when no engine can be started at all, the signal's reason, or what `save`
 * throws; never for a variant's own failure
 */
export async function compareVariants(
  input: ComparisonInput,
  environment: ComparisonEnvironment,
): Promise<Results> {
  const comparison = new Comparison(input, environment);
  return comparison.run();
}

class Comparison {
  readonly #input: ComparisonInput;
  readonly #environment: ComparisonEnvironment;
  readonly #state: ComparisonState;
  readonly #reference: ComparisonReference;

  constructor(input: ComparisonInput, environment: ComparisonEnvironment) {
    this.#input = input;
    this.#environment = environment;
    this.#state = new ComparisonState(input, environment);
    this.#reference = new ComparisonReference(input, environment, this.#state);
  }

  async run(): Promise<Results> {
    const { variants, reference } = this.#input;
    const ordered = [...variants].sort((a, b) => Number(b.name === reference) - Number(a.name === reference));
    for (const variant of variants) {
      const isHere = (stage: Stage) => this.#isMeasuredHere(stage);
      this.#state.add(blankRow(variant, this.#state.settings, isHere, variant.name === reference));
    }
    await this.#save();
    if (this.#state.settings.only.includes('speed')) await this.#measureBandwidth();
    if (this.#state.settings.interleave === true) await this.#timeInTurns(ordered);
    for (const variant of ordered) {
      this.#environment.signal?.throwIfAborted();
      await this.#measureRow(variant, ordered);
      await this.#askWatch(variant.name);
      const row = this.#state.row(variant.name);
      await this.#save();
      this.#environment.onVariantEnd(row);
    }
    return this.#state.results();
  }

  async #askWatch(name: string): Promise<void> {
    const { watch } = this.#environment;
    if (watch === undefined || !isAvailable(this.#state.row(name).speed)) return;
    this.#state.warnOfMachine(await watch.warnings());
  }

  async #measureBandwidth(): Promise<void> {
    const { copyBandwidthBytesPerSecond, cores } = this.#state.machine;
    if (isAvailable(copyBandwidthBytesPerSecond)) return;
    this.#state.takeBandwidth(await measureCopyBandwidth(cores, this.#environment.signal));
  }

  async #measureRow(variant: ComparisonVariant, ordered: readonly ComparisonVariant[]): Promise<void> {
    const { described, name } = variant;
    if (described instanceof QuantscopeError) {
      this.#state.fail(name, described);
      return;
    }
    if (this.#state.row(name).status === 'failed') return;
    try {
      const hashing = this.#hash(variant);
      // It is awaited below; until then a rejection is not unhandled.
      hashing.catch(() => undefined);
      const missing = this.#hashesAside()
        ? this.#state.settings.only
        : this.#state.takePrevious(name, await hashing);
      const stages = new Set(missing.filter((stage) => this.#isMeasuredHere(stage)));
      if (this.#mustScoreAgain(variant, ordered)) stages.add('accuracy');
      stages.delete('size');
      // It was timed in turns.
      if (isAvailable(this.#state.row(name).speed)) stages.delete('speed');
      if (stages.size > 0) await this.#runEngine(variant, described, [...stages], hashing);
      await hashing;
      await this.#measureWeights(variant);
    } catch (thrown) {
      this.#state.fail(name, ownFailure(thrown, this.#environment.signal));
    }
  }

  async #timeInTurns(ordered: readonly ComparisonVariant[]): Promise<void> {
    const { repetitions } = this.#state.settings;
    const speeds = await timeInTurns(ordered, repetitions, {
      begin: async (variant) => {
        const { name, described } = variant;
        if (described instanceof QuantscopeError || this.#state.row(name).status === 'failed') return false;
        this.#state.takePrevious(name, await this.#hash(variant));
        return !isAvailable(this.#state.row(name).speed);
      },
      time: (variant, turn) => this.#timeOnce(variant, turn, repetitions),
      fail: ({ name }, thrown) => this.#state.fail(name, ownFailure(thrown, this.#environment.signal)),
    });
    for (const [{ name }, speed] of speeds) this.#state.update(name, { speed });
    await this.#save();
  }

  /** One repetition, in a process of its own. */
  async #timeOnce(variant: ComparisonVariant, turn: number, turns: number): Promise<Speed | null> {
    const { name, described } = variant;
    const { signal, timing, onStep } = this.#environment;
    signal?.throwIfAborted();
    if (described instanceof QuantscopeError) return null;
    if (this.#input.findThreads && this.#state.settings.threadSearch === undefined) {
      await this.#findThreads(name, this.#planOf(variant, described, []));
    }
    await using session = await this.#startEngine(name);
    const plan = this.#planOf(variant, described, ['speed']);
    let taken: Speed | null = null;
    await measureVariant(
      session,
      { ...plan, settings: { ...plan.settings, repetitions: 1 }, isFirstTurn: turn === 0 },
      {
        signal,
        timing,
        onStep: (step, done, total) => onStep(name, step, turn * total + done, turns * total),
        onFigures: async ({ speed, ...figures }) => {
          if (speed !== undefined && isAvailable(speed)) taken = speed;
          this.#state.update(name, figures);
        },
      },
    );
    return taken;
  }

  /** Beside an evaluation, which waits for it at no point; never beside what is timed. */
  #hashesAside(): boolean {
    const { only } = this.#state.settings;
    return this.#input.previous === null && only.every((stage) => stage === 'accuracy');
  }

  async #hash({ name, paths, bytes }: ComparisonVariant): Promise<string> {
    const { signal, onStep } = this.#environment;
    const known = this.#state.row(name).file.sha256;
    if (isAvailable(known)) return known;
    const isAside = this.#hashesAside();
    const sha256 = await sha256OfFiles(paths, signal, (done) => {
      if (!isAside) onStep(name, 'hash', done, bytes);
    });
    this.#state.update(name, { file: { bytes, sha256 } });
    return sha256;
  }

  /** @param hashing done before a reference's row is kept */
  async #runEngine(
    variant: ComparisonVariant,
    described: DescribedFile,
    stages: readonly Stage[],
    hashing: Promise<unknown>,
  ): Promise<void> {
    const { name } = variant;
    const hooks: VariantHooks = {
      signal: this.#environment.signal,
      timing: this.#environment.timing,
      onStep: (step, done, total) => this.#environment.onStep(name, step, done, total),
      onFigures: async (figures) => {
        this.#state.update(name, figures);
        await this.#save();
      },
    };
    // Made anew for each session: threads are known once an engine has started.
    const planOf = () => this.#planOf(variant, described, stages);
    if (this.#input.findThreads && !this.#input.previous && this.#state.settings.threadSearch === undefined) {
      await this.#findThreads(name, planOf());
    }
    const parts = stages.includes('accuracy') ? partsOf(this.#state.settings) : [];
    if (parts.includes('tasks') || parts.includes('tools') || stages.some((stage) => stage !== 'accuracy')) {
      await using session = await this.#startEngine(name);
      await measureVariant(session, planOf(), hooks);
    }
    if (!parts.includes('text') && !parts.includes('choices')) return;
    if (described.chatTemplate === null && parts.some((part) => part !== 'text')) {
      this.#state.warn(`${name} has no chat template: its tasks were asked as plain text`);
    }
    await using session = await this.#startEngine(name);
    await this.#reference.whileEvaluating(name, described, hashing, (openRole) =>
      evaluateVariant(session, planOf(), openRole, hooks),
    );
  }

  #planOf(
    { name, path }: ComparisonVariant,
    described: DescribedFile,
    stages: readonly Stage[],
  ): VariantPlan {
    return {
      ...this.#input,
      ...described,
      path,
      stages,
      settings: this.#state.settings,
      savedText: this.#reference.savedText,
      referenceOutcomes: {
        tasks: this.#state.referenceOutcomes(name, 'tasks'),
        choices: this.#state.referenceOutcomes(name, 'choices'),
        tools: this.#state.referenceOutcomes(name, 'tools'),
        toolsWithGrammar: this.#state.referenceOutcomes(name, 'toolsWithGrammar'),
      },
      isReference: name === this.#input.reference,
    };
  }

  async #findThreads(name: string, plan: VariantPlan): Promise<void> {
    await using session = await this.#startEngine(name);
    this.#environment.onStep(name, 'threads', 0, 1);
    const found = await findThreadsFor(session, plan, this.#state.machine.cores);
    const { promptThreads, generationThreads: threads, tried } = found;
    this.#state.takeThreads({ threads, promptThreads, threadSearch: [...tried] });
    this.#environment.onStep(name, 'threads', 1, 1);
  }

  /** Only what can be shared is: one machine's speed is not another's. */
  #isMeasuredHere(stage: Stage): boolean {
    return stage === 'accuracy' || isOwn(this.#input.share, 0);
  }

  /** How far the weights moved from the reference's. That it cannot be told is no failure of the variant. */
  async #measureWeights({ name, path }: ComparisonVariant): Promise<void> {
    const { weightError, signal } = this.#environment;
    const reference = this.#input.variants.find((variant) => variant.name === this.#input.reference);
    const { only } = this.#state.settings;
    const wanted =
      (only.includes('size') || only.includes('accuracy')) && !isAvailable(this.#state.row(name).weights);
    if (weightError === undefined || reference === undefined || !wanted) return;
    if (!isOwn(this.#input.share, 0)) {
      this.#state.update(name, { weights: ELSEWHERE });
      return;
    }
    if (name === reference.name) return;
    try {
      this.#state.update(name, { weights: { relativeRmse: await weightError(reference.path, path) } });
    } catch (thrown) {
      signal?.throwIfAborted();
      if (!(thrown instanceof QuantscopeError)) throw thrown;
      this.#state.update(name, { weights: unavailableBecause(messageOf(thrown)) });
    }
  }

  async #startEngine(name: string): Promise<EngineSession> {
    const { onStep } = this.#environment;
    onStep(name, 'start', 0, 1);
    const session = await startIn(this.#environment, this.#state.settings.gpu);
    onStep(name, 'start', 1, 1);
    this.#state.takeEngine(session);
    return session;
  }

  /** The reference's row may be complete while its scores, which the others need, are gone. */
  #mustScoreAgain(variant: ComparisonVariant, ordered: readonly ComparisonVariant[]): boolean {
    if (variant.name !== this.#input.reference || !this.#state.settings.only.includes('accuracy'))
      return false;
    if (!partsOf(this.#state.settings).includes('text')) return false;
    if (this.#environment.keepsReference) return true;
    return ordered.some(({ name }) => {
      if (name === variant.name) return false;
      const before = this.#input.previous?.variants.find((row) => row.name === name);
      return (
        before === undefined ||
        before.status !== 'ok' ||
        missingStages(before, ['accuracy'], this.#state.settings).length > 0
      );
    });
  }

  #save(): Promise<void> {
    return this.#environment.save(this.#state.results());
  }
}
