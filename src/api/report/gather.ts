import { areRunsOfOne, pooledBench } from '../../measure/baseline-rows.ts';
import { type BenchFile, mergeBenchShards } from '../../measure/bench-shards.ts';
import { type MachineResults, type MergeScope, mergeResults, type ResultsFile } from '../../measure/merge.ts';
import { machineLabels } from '../../measure/merge-labels.ts';
import { isSameMachine } from '../../measure/same-machine.ts';
import { mergeShards } from '../../measure/shard-merge.ts';
import type { MachineBench, PhoneCheck, Report } from '../../report/report.ts';
import type { ContextResults } from '../../schema/context.ts';
import type { Machine } from '../../schema/results.ts';
import { UsageError } from '../../util/errors.ts';
import { type Host, hostOf } from '../host.ts';
import { withRepliesBeside } from '../replies-file.ts';
import { type Measurements, readMeasurements } from './input.ts';

/** What files of several commands and machines hold together. */
export type Gathered = Pick<Report, 'machines' | 'benches' | 'phones' | 'contexts' | 'fits'>;

/**
 * Reads files of measurements and puts those together that belong together: shards of a run, runs of a machine.
 * @throws UsageError `input/unreadable`, `report/*`, `shards/*`
 */
export async function gather(
  paths: readonly string[],
  scope: MergeScope,
  host: Pick<Host, 'signal' | 'progress'> = {},
): Promise<Gathered> {
  const files: Measurements[] = [];
  const { signal, progress } = hostOf(host);
  for (const path of new Set(paths)) {
    signal.throwIfAborted();
    progress({ kind: 'step', subject: path, stage: 'read', done: files.length, total: paths.length });
    const read = await readMeasurements(path);
    files.push(
      read.kind === 'results' ? { ...read, content: await withRepliesBeside(path, read.content) } : read,
    );
  }
  const parts = files.map(partsOf);
  const results = parts.flatMap((part) => part.results);
  const machines = results.length === 0 ? [] : mergeResults(withWholeRuns(results), scope);
  const phones = parts.flatMap((part) => part.phones);
  requireMeasured(phones, machines);
  // A bench is of speed alone.
  const benches =
    scope === 'accuracy' ? [] : withRunsPooled(mergeBenchShards(parts.flatMap((part) => part.benches)));
  const contexts = scope === 'accuracy' ? [] : parts.flatMap((part) => part.contexts);
  const gathered: Gathered = {
    machines,
    benches: withMachines(benches, machines),
    phones: withNames(phones),
    contexts: contexts.map((context) => ({ label: labelOfContext(context.results), ...context })),
    fits: parts.flatMap((part) => part.fits),
  };
  const { fits } = gathered;
  if (machines.length + benches.length + phones.length + contexts.length + fits.length === 0) {
    throw new UsageError('report/no-results', `${paths.join(', ')}: nothing is left to report of ${scope}`, {
      hint: 'Name results of compare or eval too, or leave --only out.',
    });
  }
  return gathered;
}

/** What a baseline is read from, as a report is: nothing where none is named. @throws UsageError those of `gather` */
export async function readBaselines(
  paths: readonly string[],
  scope: MergeScope = 'all',
  host: Pick<Host, 'signal' | 'progress'> = {},
): Promise<Gathered> {
  if (paths.length === 0) return { machines: [], benches: [], phones: [], contexts: [], fits: [] };
  return gather(paths, scope, host);
}

function labelOfContext({ model, machine }: ContextResults): string {
  return `${model.name ?? model.architecture} ${model.quantization} on ${machine.cpu}`;
}

interface Parts {
  readonly results: readonly ResultsFile[];
  readonly benches: readonly Omit<MachineBench, 'label'>[];
  readonly phones: readonly Omit<PhoneCheck, 'label'>[];
  readonly contexts: readonly Omit<Report['contexts'][number], 'label'>[];
  readonly fits: Report['fits'];
}

function partsOf({ kind, path, content }: Measurements): Parts {
  const none: Parts = { results: [], benches: [], phones: [], contexts: [], fits: [] };
  switch (kind) {
    case 'results':
      return { ...none, results: [{ path, results: content }] };
    case 'bench':
      return { ...none, benches: [{ source: path, results: content }] };
    case 'kit-check':
      return { ...none, phones: [{ source: path, check: content }] };
    case 'context':
      return { ...none, contexts: [{ source: path, results: content }] };
    case 'fit':
      return { ...none, fits: [{ source: path, results: content }] };
    case 'report': {
      const { machines, benches, phones, contexts, fits } = content;
      return {
        fits: fits.map(({ results }) => ({ source: path, results })),
        contexts: contexts.map(({ results }) => ({ source: path, results })),
        results: machines.map(({ label, results }) => ({
          path: machines.length > 1 ? `${path} (${label})` : path,
          results,
        })),
        benches: benches.map(({ results }) => ({ source: path, results })),
        phones: phones.map(({ check }) => ({ source: path, check })),
      };
    }
  }
}

/** Shards of a run are put together first: only whole runs stand beside each other. */
function withWholeRuns(files: readonly ResultsFile[]): ResultsFile[] {
  const shards = files.filter(({ results }) => results.shard !== undefined);
  if (shards.length === 0) return [...files];
  const whole = mergeShards(shards.map(({ path, results }) => ({ name: path, results })));
  const path = shards.map((shard) => shard.path).join(', ');
  return [{ path, results: whole }, ...files.filter((file) => !shards.includes(file))];
}

/** Runs of one configuration are one bench, in the place of the first. */
function withRunsPooled(benches: readonly BenchFile[]): BenchFile[] {
  const groups: BenchFile[][] = [];
  for (const bench of benches) {
    const group = groups.find(([first]) => first !== undefined && areRunsOfOne(first.results, bench.results));
    if (group === undefined) groups.push([bench]);
    else group.push(bench);
  }
  return groups.map((group) => ({
    source: group.map(({ source }) => source).join(' + '),
    results: pooledBench(group.map(({ results }) => results)),
  }));
}

/** Benches by the names that their machines have in the comparisons, others by names unlike those. */
function withMachines(
  benches: readonly Omit<MachineBench, 'label'>[],
  machines: readonly MachineResults[],
): MachineBench[] {
  const isOf = (machine: Machine) => (other: { readonly machine: Machine }) =>
    isSameMachine(machine, other.machine);
  const setups: { readonly machine: Machine; readonly createdAt: string }[] = [];
  for (const { results } of [...machines, ...benches]) {
    if (!setups.some(isOf(results.machine))) setups.push(results);
  }
  const names = machineLabels(setups.map(({ machine, createdAt }) => ({ machine, createdAt })));
  return benches.map((bench) => {
    const { machine } = bench.results;
    const own = machines.filter(({ results }) => isSameMachine(machine, results.machine));
    // One machine compared in two setups has a name for each, and a bench is neither.
    const [only] = own.length === 1 ? own : [];
    return { label: only?.label ?? names[setups.findIndex(isOf(machine))] ?? '', ...bench };
  });
}

/** @throws UsageError `report/other-model` where a phone ran none of the files that were measured */
function requireMeasured(
  phones: readonly Omit<PhoneCheck, 'label'>[],
  machines: readonly MachineResults[],
): void {
  const hashes = machines.flatMap(({ results }) => results.variants.map(({ file }) => file.sha256));
  // A file that was not hashed may be the one.
  if (hashes.length === 0 || hashes.some((hash) => typeof hash !== 'string')) return;
  const stranger = phones.find(({ check }) => !hashes.includes(check.modelSha256));
  if (stranger === undefined) return;
  const { source, check } = stranger;
  throw new UsageError(
    'report/other-model',
    `${source} is of ${check.model}, whose file is in none of the results`,
    {
      hint: 'The SHA-256 of the file that the phone ran and of the one that was measured must be the same.',
    },
  );
}

/** Two phones of one kind are told apart by a number. */
function withNames(phones: readonly Omit<PhoneCheck, 'label'>[]): PhoneCheck[] {
  const counts = new Map<string, number>();
  return phones.map((phone) => {
    const { device } = phone.check;
    const nth = (counts.get(device) ?? 0) + 1;
    counts.set(device, nth);
    return { label: nth === 1 ? device : `${device} (${nth})`, ...phone };
  });
}
