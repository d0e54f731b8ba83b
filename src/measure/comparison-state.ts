import type { EngineSession } from '../engine/engine.ts';
import { type MachineWarning, spreadWarnings, withoutRepeats } from '../machine/watch.ts';
import { isAvailable } from '../schema/availability.ts';
import type { Machine, Results, Settings, VariantResult } from '../schema/results.ts';
import { type AnswerKind, SCHEMA_IDS, type Stage } from '../schema/terms.ts';
import { QuantscopeError } from '../util/errors.ts';
import { answersOf } from './answers.ts';
import type { ComparisonEnvironment, ComparisonInput } from './comparison-plan.ts';
import { failedRow, figuresOf, missingStages, repeated } from './comparison-rows.ts';
import { decided } from './decide.ts';
import { withEngine } from './environment.ts';
import { questionsOf } from './questions.ts';

/** What a comparison has found so far: rows, the machine, and the results that can be made of them at any time. */
export class ComparisonState {
  readonly #input: ComparisonInput;
  readonly #rows = new Map<string, VariantResult>();
  readonly #createdAt: string;
  readonly #warnings: Set<string>;
  #machine: Machine;
  #settings: Settings;
  #machineWarnings: readonly MachineWarning[] = [];

  constructor(input: ComparisonInput, { machine, now }: Pick<ComparisonEnvironment, 'machine' | 'now'>) {
    this.#input = input;
    this.#createdAt = input.previous?.createdAt ?? now().toISOString();
    this.#machine = input.previous?.machine ?? machine;
    this.#settings = input.previous?.settings ?? input.settings;
    this.#warnings = new Set(input.previous?.warnings);
  }

  get machine(): Machine {
    return this.#machine;
  }

  get settings(): Settings {
    return this.#settings;
  }

  row(name: string): VariantResult {
    const row = this.#rows.get(name);
    if (row === undefined) throw new QuantscopeError('compare/no-row', `no row for ${name}`);
    return row;
  }

  add(row: VariantResult): void {
    this.#rows.set(row.name, row);
  }

  update(name: string, { share, ...figures }: Partial<VariantResult>): void {
    const row = this.row(name);
    this.#rows.set(name, {
      ...row,
      ...figures,
      ...(share === undefined ? {} : { share: { ...row.share, ...share } }),
    });
  }

  fail(name: string, error: QuantscopeError): void {
    this.#rows.set(name, failedRow(this.row(name), this.#settings, error));
  }

  warn(warning: string): void {
    this.#warnings.add(warning);
  }

  warnOfMachine(warnings: readonly MachineWarning[]): void {
    this.#machineWarnings = withoutRepeats([...this.#machineWarnings, ...warnings]);
  }

  takeBandwidth(bytesPerSecond: Machine['copyBandwidthBytesPerSecond']): void {
    this.#machine = { ...this.#machine, copyBandwidthBytesPerSecond: bytesPerSecond };
  }

  takeThreads(threads: Pick<Settings, 'threads' | 'promptThreads' | 'threadSearch'>): void {
    this.#settings = { ...this.#settings, ...threads };
  }

  takeEngine(session: EngineSession): void {
    this.#machine = withEngine(this.#machine, session);
    if (this.#settings.threads === 0) this.#settings = { ...this.#settings, threads: session.info.mathCores };
  }

  /** Takes an earlier run's row of the same file over. @returns the stages it does not hold */
  takePrevious(name: string, sha256: string): Stage[] {
    const before = this.#input.previous?.variants.find((row) => row.name === name);
    if (before === undefined || !isAvailable(before.file.sha256) || before.file.sha256 !== sha256) {
      return [...this.#settings.only];
    }
    const missing = missingStages(before, this.#settings.only, this.#settings);
    if (before.share !== undefined) this.update(name, { share: before.share });
    if (before.domains !== undefined) this.update(name, { domains: before.domains });
    if (before.toolTelling !== undefined) this.update(name, { toolTelling: before.toolTelling });
    if (isAvailable(before.weights)) this.update(name, { weights: before.weights });
    for (const stage of this.#settings.only) {
      if (missing.includes(stage)) continue;
      for (const figure of figuresOf(stage, this.#settings)) this.update(name, { [figure]: before[figure] });
    }
    return missing;
  }

  /** Which of the tasks the reference did right; null where there is none to compare with. */
  referenceOutcomes(name: string, kind: AnswerKind): readonly boolean[] | null {
    const { reference, saved } = this.#input;
    if (reference === null || name === reference) return null;
    const row = saved === undefined ? this.row(reference) : saved.row;
    return row === null || row === undefined ? null : (answersOf(row, kind)?.outcomes ?? null);
  }

  results(): Results {
    const {
      saved,
      phones = this.#input.previous?.devices ?? [],
      reference,
      share,
      toolVersion,
    } = this.#input;
    const measured = this.#input.variants.map(({ name }) => this.row(name));
    const variants = saved?.row == null ? measured : [saved.row, ...measured];
    return {
      schema: SCHEMA_IDS.results,
      createdAt: this.#createdAt,
      tool: { version: toolVersion },
      machine: this.#machine,
      settings: this.#settings,
      ...(share === null ? {} : { shard: { ...share } }),
      reference,
      variants,
      ...questionsOf(this.#input, variants),
      ...decided({
        variants,
        reference,
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
