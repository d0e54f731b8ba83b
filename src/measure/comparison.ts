import type { EngineSession, LoadedModel, StartEngine } from '../engine/engine.ts';
import { type MachineWarning, type MachineWatch, spreadWarnings, withoutRepeats } from '../machine/watch.ts';
import { isAvailable, unavailableBecause } from '../schema/availability.ts';
import type { FittedPhone } from '../schema/phones.ts';
import type { Machine, Results, Settings, Speed, VariantResult } from '../schema/results.ts';
import type { Stage } from '../schema/terms.ts';
import { SCHEMA_IDS } from '../schema/terms.ts';
import { messageOf, QuantscopeError } from '../util/errors.ts';
import {
  blankRow,
  type ComparisonVariant,
  ELSEWHERE,
  failedRow,
  figuresOf,
  missingStages,
  repeated,
} from './comparison-rows.ts';
import { measureCopyBandwidth } from './copy-bandwidth.ts';
import { decided } from './decide.ts';
import { ownFailure } from './engine-faults.ts';
import { sha256OfFiles } from './file-hash.ts';
import type { ChunkPlan } from './perplexity.ts';
import { pooledSpeed } from './pool-runs.ts';
import { questionsOf } from './questions.ts';
import {
  createReference,
  formOfPath,
  openReference,
  type ReferenceFile,
  type ReferenceWriter,
} from './reference-file.ts';
import { isOwn } from './share.ts';
import type { DescribedFile } from './size.ts';
import type { TextRole } from './text-evaluation.ts';
import type { Timing } from './timing.ts';
import {
  type EvaluationMaterial,
  evaluateVariant,
  findThreadsFor,
  measureVariant,
  partsOf,
  type Step,
  type VariantHooks,
  type VariantPlan,
} from './variant-run.ts';

export interface ComparisonInput extends EvaluationMaterial {
  /** In the order of the output. */
  readonly variants: readonly ComparisonVariant[];
  /** Name of the variant the others are compared with; null when none could be read. */
  readonly reference: string | null;
  /** A reference that was scored before and is none of the variants: `reference` is its name then. */
  readonly saved?: ReferenceFile;
  /** `threads` 0 is llama.cpp's own choice, filled in once an engine has started. */
  readonly settings: Settings;
  /** Finds the fastest threads on the first variant that runs, for all of them: rows of one table share them. */
  readonly findThreads?: boolean;
  /** What phones make of the variants, for the results. */
  readonly phones?: readonly FittedPhone[];
  /** Results of an earlier run with the same settings: what they hold is not measured again. */
  readonly previous: Results | null;
  readonly toolVersion: string;
}

export interface ComparisonEnvironment {
  readonly startEngine: StartEngine;
  readonly callTimeoutMs: number;
  readonly machine: Machine;
  /** Says what else the machine did meanwhile; without it nothing is said. */
  readonly watch?: MachineWatch;
  /** Around what is timed. */
  readonly timing?: () => Promise<Timing>;
  readonly now: () => Date;
  readonly signal?: AbortSignal;
  /** Where the reference's scores are kept while candidates are compared with them, and afterwards if asked for. */
  readonly referencePath: string;
  readonly keepsReference: boolean;
  /** The relative RMSE of a file's weights against the reference's; without it that figure is not taken. */
  readonly weightError?: (referencePath: string, path: string) => Promise<number>;
  /** Called whenever a group of figures is complete, with all results so far. */
  readonly save: (results: Results) => Promise<void>;
  readonly onStep: (variant: string, step: Step, done: number, total: number) => void;
  readonly onVariantEnd: (variant: VariantResult) => void;
}

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
  readonly #rows = new Map<string, VariantResult>();
  readonly #createdAt: string;
  #machine: Machine;
  #settings: Settings;
  #referenceStored = false;
  #machineWarnings: readonly MachineWarning[] = [];
  readonly #warnings: Set<string>;

  constructor(input: ComparisonInput, environment: ComparisonEnvironment) {
    this.#input = input;
    this.#environment = environment;
    this.#createdAt = input.previous?.createdAt ?? environment.now().toISOString();
    this.#machine = input.previous?.machine ?? environment.machine;
    this.#settings = input.previous?.settings ?? input.settings;
    this.#warnings = new Set(input.previous?.warnings);
  }

  async run(): Promise<Results> {
    const { variants, reference } = this.#input;
    const ordered = [...variants].sort((a, b) => Number(b.name === reference) - Number(a.name === reference));
    for (const variant of variants) {
      const isHere = (stage: Stage) => this.#isMeasuredHere(stage);
      this.#rows.set(variant.name, blankRow(variant, this.#settings, isHere, variant.name === reference));
    }
    await this.#save();
    if (this.#settings.only.includes('speed')) await this.#measureBandwidth();
    if (this.#settings.interleave === true) await this.#timeInTurns(ordered);
    for (const variant of ordered) {
      this.#environment.signal?.throwIfAborted();
      await this.#measureRow(variant, ordered);
      await this.#askWatch(variant.name);
      const row = this.#row(variant.name);
      await this.#save();
      this.#environment.onVariantEnd(row);
    }
    return this.#results();
  }

  async #askWatch(name: string): Promise<void> {
    const { watch } = this.#environment;
    if (watch === undefined || !isAvailable(this.#row(name).speed)) return;
    this.#machineWarnings = withoutRepeats([...this.#machineWarnings, ...(await watch.warnings())]);
  }

  async #measureBandwidth(): Promise<void> {
    if (isAvailable(this.#machine.copyBandwidthBytesPerSecond)) return;
    const bytesPerSecond = await measureCopyBandwidth(this.#machine.cores, this.#environment.signal);
    this.#machine = { ...this.#machine, copyBandwidthBytesPerSecond: bytesPerSecond };
  }

  async #measureRow(variant: ComparisonVariant, ordered: readonly ComparisonVariant[]): Promise<void> {
    const { described, name } = variant;
    if (described instanceof QuantscopeError) {
      this.#fail(name, described);
      return;
    }
    if (this.#row(name).status === 'failed') return;
    try {
      const hashing = this.#hash(variant);
      // It is awaited below; until then a rejection is not unhandled.
      hashing.catch(() => undefined);
      const missing = this.#hashesAside() ? this.#settings.only : this.#takePrevious(name, await hashing);
      const stages = new Set(missing.filter((stage) => this.#isMeasuredHere(stage)));
      if (this.#mustScoreAgain(variant, ordered)) stages.add('accuracy');
      stages.delete('size');
      // It was timed in turns.
      if (isAvailable(this.#row(name).speed)) stages.delete('speed');
      if (stages.size > 0) await this.#runEngine(variant, described, [...stages], hashing);
      await hashing;
      await this.#measureWeights(variant);
    } catch (thrown) {
      this.#fail(name, ownFailure(thrown, this.#environment.signal));
    }
  }

  /**
   * Times the variants in turns, one repetition each, so that a drift of the machine's speed hits all alike. A turn is a
   * process of its own, and so a run of its own.
   */
  async #timeInTurns(ordered: readonly ComparisonVariant[]): Promise<void> {
    const { repetitions } = this.#settings;
    const turns = new Map<string, Speed[]>(ordered.map(({ name }) => [name, []]));
    for (let turn = 0; turn < repetitions; turn++) {
      for (const variant of ordered) {
        const { name, described } = variant;
        if (described instanceof QuantscopeError || this.#row(name).status === 'failed') continue;
        this.#environment.signal?.throwIfAborted();
        try {
          if (turn === 0) this.#takePrevious(name, await this.#hash(variant));
          const timed = turns.get(name) ?? [];
          if (timed.length < turn || isAvailable(this.#row(name).speed)) continue;
          if (this.#input.findThreads && this.#settings.threadSearch === undefined) {
            await this.#findThreads(name, this.#planOf(variant, described, []));
          }
          await using session = await this.#startEngine(name);
          const plan = this.#planOf(variant, described, ['speed']);
          await measureVariant(
            session,
            { ...plan, settings: { ...plan.settings, repetitions: 1 }, isFirstTurn: turn === 0 },
            {
              signal: this.#environment.signal,
              timing: this.#environment.timing,
              onStep: (step, done, total) =>
                this.#environment.onStep(name, step, turn * total + done, repetitions * total),
              onFigures: async ({ speed, ...figures }) => {
                if (speed !== undefined && isAvailable(speed)) timed.push(speed);
                this.#update(name, figures);
              },
            },
          );
        } catch (thrown) {
          this.#fail(name, ownFailure(thrown, this.#environment.signal));
        }
      }
    }
    for (const [name, timed] of turns) {
      const speed = pooledSpeed(timed);
      if (speed !== null && this.#row(name).status === 'ok') this.#update(name, { speed });
    }
    await this.#save();
  }

  /** Beside an evaluation, which waits for it at no point; never beside what is timed. */
  #hashesAside(): boolean {
    const { only } = this.#settings;
    return this.#input.previous === null && only.every((stage) => stage === 'accuracy');
  }

  async #hash({ name, paths, bytes }: ComparisonVariant): Promise<string> {
    const { signal, onStep } = this.#environment;
    const known = this.#row(name).file.sha256;
    if (isAvailable(known)) return known;
    const isAside = this.#hashesAside();
    const sha256 = await sha256OfFiles(paths, signal, (done) => {
      if (!isAside) onStep(name, 'hash', done, bytes);
    });
    this.#update(name, { file: { bytes, sha256 } });
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
        this.#update(name, figures);
        await this.#save();
      },
    };
    // Made anew for each session: threads are known once an engine has started.
    const planOf = () => this.#planOf(variant, described, stages);
    if (this.#input.findThreads && !this.#input.previous && this.#settings.threadSearch === undefined) {
      await this.#findThreads(name, planOf());
    }
    const parts = stages.includes('accuracy') ? partsOf(this.#settings) : [];
    if (parts.includes('tasks') || stages.some((stage) => stage !== 'accuracy')) {
      await using session = await this.#startEngine(name);
      await measureVariant(session, planOf(), hooks);
    }
    if (!parts.includes('text') && !parts.includes('choices')) return;
    if (described.chatTemplate === null && parts.some((part) => part !== 'text')) {
      this.#warnings.add(`${name} has no chat template: its tasks were asked as plain text`);
    }
    await using session = await this.#startEngine(name);
    let writer: ReferenceWriter | undefined;
    try {
      const openRole = async (planned: ChunkPlan, { vocabularySize }: LoadedModel): Promise<TextRole> => {
        if (name !== this.#input.reference || this.#input.saved !== undefined) return this.#candidateRole();
        writer = await this.#createReference(planned, vocabularySize);
        return { kind: 'reference', store: writer };
      };
      await evaluateVariant(session, planOf(), openRole, hooks);
      // Set by what was called meanwhile, which narrowing does not see.
      const written = writer as ReferenceWriter | undefined;
      if (written === undefined) return;
      await hashing;
      await written.finish(this.#environment.keepsReference ? this.#descriptionOf(name, described) : null);
      this.#referenceStored = true;
    } finally {
      await writer?.[Symbol.asyncDispose]();
    }
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
      settings: this.#settings,
      savedChunks: this.#input.saved?.chunks ?? null,
      referenceOutcomes: {
        tasks: this.#referenceOutcomes(name, 'tasks'),
        choices: this.#referenceOutcomes(name, 'choices'),
      },
      isReference: name === this.#input.reference,
    };
  }

  async #findThreads(name: string, plan: VariantPlan): Promise<void> {
    await using session = await this.#startEngine(name);
    this.#environment.onStep(name, 'threads', 0, 1);
    const found = await findThreadsFor(session, plan, this.#machine.cores);
    const { promptThreads, generationThreads: threads, tried } = found;
    this.#settings = { ...this.#settings, threads, promptThreads, threadSearch: [...tried] };
    this.#environment.onStep(name, 'threads', 1, 1);
  }

  #createReference(planned: ChunkPlan, vocabularySize: number): Promise<ReferenceWriter> {
    const { referencePath, keepsReference } = this.#environment;
    const { contextSize } = this.#settings.evaluation;
    const chunks = planned.chunks.filter((_, index) => isOwn(this.#input.share, index));
    const form = keepsReference ? formOfPath(referencePath) : 'float32';
    return createReference(referencePath, { form, contextSize, vocabularySize, chunks });
  }

  /** What a reference that is kept says of itself. */
  #descriptionOf(name: string, { tokenizer }: DescribedFile) {
    const { textSha256, tasksSha256 } = this.#settings.evaluation;
    const createdAt = this.#environment.now().toISOString();
    return { createdAt, textSha256, tasksSha256, tokenizer, row: this.#row(name) };
  }

  /** Only what can be shared is: one machine's speed is not another's. */
  #isMeasuredHere(stage: Stage): boolean {
    return stage === 'accuracy' || isOwn(this.#input.share, 0);
  }

  /** How far the weights moved from the reference's. That it cannot be told is no failure of the variant. */
  async #measureWeights({ name, path }: ComparisonVariant): Promise<void> {
    const { weightError, signal } = this.#environment;
    const reference = this.#input.variants.find((variant) => variant.name === this.#input.reference);
    const { only } = this.#settings;
    const wanted =
      (only.includes('size') || only.includes('accuracy')) && !isAvailable(this.#row(name).weights);
    if (weightError === undefined || reference === undefined || !wanted) return;
    if (!isOwn(this.#input.share, 0)) {
      this.#update(name, { weights: ELSEWHERE });
      return;
    }
    if (name === reference.name) return;
    try {
      this.#update(name, { weights: { relativeRmse: await weightError(reference.path, path) } });
    } catch (thrown) {
      signal?.throwIfAborted();
      if (!(thrown instanceof QuantscopeError)) throw thrown;
      this.#update(name, { weights: unavailableBecause(messageOf(thrown)) });
    }
  }

  async #startEngine(name: string): Promise<EngineSession> {
    const { signal, callTimeoutMs, startEngine, onStep } = this.#environment;
    onStep(name, 'start', 0, 1);
    const { gpu } = this.#settings;
    const session = await startEngine({ gpu, callTimeoutMs, ...(signal ? { signal } : {}) });
    onStep(name, 'start', 1, 1);
    this.#takeEngine(session);
    return session;
  }

  async #candidateRole(): Promise<TextRole> {
    const { saved } = this.#input;
    if (saved !== undefined) return { kind: 'candidate', store: saved, holds: 'all' };
    if (!this.#referenceStored) return { kind: 'alone' };
    const store = await openReference(this.#environment.referencePath);
    return { kind: 'candidate', store, holds: 'own' };
  }

  /** The reference's row may be complete while its scores, which the others need, are gone. */
  #mustScoreAgain(variant: ComparisonVariant, ordered: readonly ComparisonVariant[]): boolean {
    if (variant.name !== this.#input.reference || !this.#settings.only.includes('accuracy')) return false;
    if (!partsOf(this.#settings).includes('text')) return false;
    if (this.#environment.keepsReference) return true;
    return ordered.some(({ name }) => {
      if (name === variant.name) return false;
      const before = this.#input.previous?.variants.find((row) => row.name === name);
      return (
        before === undefined ||
        before.status !== 'ok' ||
        missingStages(before, ['accuracy'], this.#settings).length > 0
      );
    });
  }

  /** Takes an earlier run's row of the same file over. @returns the stages it does not hold */
  #takePrevious(name: string, sha256: string): Stage[] {
    const before = this.#input.previous?.variants.find((row) => row.name === name);
    if (before === undefined || !isAvailable(before.file.sha256) || before.file.sha256 !== sha256) {
      return [...this.#settings.only];
    }
    const missing = missingStages(before, this.#settings.only, this.#settings);
    if (before.share !== undefined) this.#update(name, { share: before.share });
    if (isAvailable(before.weights)) this.#update(name, { weights: before.weights });
    for (const stage of this.#settings.only) {
      if (missing.includes(stage)) continue;
      for (const figure of figuresOf(stage, this.#settings)) this.#update(name, { [figure]: before[figure] });
    }
    return missing;
  }

  #takeEngine({ info }: EngineSession): void {
    const { mathCores, gpuFreeBytes: _, ...engine } = info;
    this.#machine = { ...this.#machine, engine: { ...engine, devices: [...engine.devices] } };
    if (this.#settings.threads === 0) this.#settings = { ...this.#settings, threads: mathCores };
  }

  #referenceOutcomes(name: string, kind: 'tasks' | 'choices'): readonly boolean[] | null {
    const { reference, saved } = this.#input;
    if (reference === null || name === reference) return null;
    const row = saved === undefined ? this.#row(reference) : saved.row;
    const outcomes = row?.[kind];
    return outcomes !== undefined && isAvailable(outcomes) ? outcomes.outcomes : null;
  }

  #fail(name: string, error: QuantscopeError): void {
    this.#rows.set(name, failedRow(this.#row(name), this.#settings, error));
  }

  #row(name: string): VariantResult {
    const row = this.#rows.get(name);
    if (row === undefined) throw new QuantscopeError('compare/no-row', `no row for ${name}`);
    return row;
  }

  #update(name: string, { share, ...figures }: Partial<VariantResult>): void {
    const row = this.#row(name);
    this.#rows.set(name, {
      ...row,
      ...figures,
      ...(share === undefined ? {} : { share: { ...row.share, ...share } }),
    });
  }

  async #save(): Promise<void> {
    await this.#environment.save(this.#results());
  }

  #results(): Results {
    const { saved, phones = this.#input.previous?.devices ?? [] } = this.#input;
    const measured = this.#input.variants.map(({ name }) => this.#row(name));
    const variants = saved?.row == null ? measured : [saved.row, ...measured];
    return {
      schema: SCHEMA_IDS.results,
      createdAt: this.#createdAt,
      tool: { version: this.#input.toolVersion },
      machine: this.#machine,
      settings: this.#settings,
      ...(this.#input.share === null ? {} : { shard: { ...this.#input.share } }),
      reference: this.#input.reference,
      variants,
      ...questionsOf(this.#input, variants),
      ...decided({
        variants,
        reference: this.#input.reference,
        settings: this.#settings,
        ...(phones.length === 0 ? {} : { devices: [...phones] }),
      }),
      warnings: [
        ...new Set([
          ...this.#warnings,
          ...[...this.#machineWarnings, ...spreadWarnings(variants.flatMap(repeated))].map(
            ({ message, hint }) => `${message}. ${hint}`,
          ),
        ]),
      ],
    };
  }
}
