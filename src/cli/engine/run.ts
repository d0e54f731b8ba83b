import { buildLocalEngine, engineBuilds, removeEngineBuilds } from '../../api/engine-builds.ts';
import { BUILD_VARIABLE } from '../../engine/index.ts';
import { factTable } from '../../report/table.ts';
import { tableText } from '../../report/table-text.ts';
import type { EngineInfo, EngineReport } from '../../schema/engine.ts';
import type { GpuChoice } from '../../schema/terms.ts';
import { EXIT, type ExitCode } from '../exit.ts';
import { printDocument } from '../output.ts';
import { stdoutLayout } from '../style.ts';
import { buildProgress } from './progress.ts';

export interface EngineOptions {
  readonly json?: boolean;
}

export interface EngineBuildOptions extends EngineOptions {
  readonly gpu: GpuChoice;
  readonly verbose?: boolean;
  readonly quiet?: boolean;
}

export async function runEngineList({ json }: EngineOptions, signal: AbortSignal): Promise<ExitCode> {
  const report = await engineBuilds({ signal });
  printDocument(report, json, () => describeBuilds(report));
  return 'info' in report.inUse ? EXIT.done : EXIT.usage;
}

export async function runEngineBuild(
  { gpu, json, verbose = false, quiet = false }: EngineBuildOptions,
  signal: AbortSignal,
): Promise<ExitCode> {
  const progress = buildProgress(process.stderr, quiet ? 'nothing' : verbose ? 'lines' : 'bar');
  try {
    const report = await buildLocalEngine({ gpu, onLine: progress.update, signal });
    progress.stop();
    const { built } = report;
    printDocument(report, json, () => `${describe(built)}\n${cpuFeatures(built)}`);
    return EXIT.done;
  } finally {
    progress.stop();
  }
}

export async function runEngineRemove({ json }: EngineOptions): Promise<ExitCode> {
  const report = await removeEngineBuilds();
  const { folders } = report;
  const text = folders.length === 0 ? 'no local build to remove' : `removed ${folders.join(', ')}`;
  printDocument(report, json, () => text);
  return EXIT.done;
}

function describeBuilds({ choice, inUse, builds, localBuilds }: EngineReport): string {
  const finished = localBuilds.filter(({ builtAt }) => builtAt !== null);
  const unfinished = localBuilds.length - finished.length;
  const chosenBy = choice === 'auto' ? '' : `, because ${BUILD_VARIABLE}=${choice}`;
  const facts: (readonly [label: string, text: string])[] = [
    ['in use', 'info' in inUse ? `${describe(inUse.info)}${chosenBy}` : `none: ${inUse.reason}`],
    ...Object.entries(builds).flatMap(([name, tried]) =>
      tried === undefined ? [] : [[name, 'info' in tried ? cpuFeatures(tried.info) : tried.reason] as const],
    ),
    ...finished.map(({ backend, builtAt }) => ['', `built for ${backend} ${builtAt}`] as const),
    ...(finished.length === 0 ? [['local', 'none: quantscope engine build makes one'] as const] : []),
  ];
  if (unfinished > 0) {
    facts.push([
      '',
      `${unfinished} unfinished, not used: engine build replaces it, engine remove removes it`,
    ]);
  }
  return tableText(factTable(facts), stdoutLayout()).join('\n');
}

function describe({ name, version, llamaCpp, build, backend, devices }: EngineInfo): string {
  const where = devices.length > 0 ? `${backend} (${devices.join(', ')})` : backend;
  const which = build === 'localBuild' ? 'local build' : 'prebuilt';
  return `${which}, ${where}, llama.cpp ${llamaCpp} through ${name} ${version}`;
}

/** What of the CPU the build uses: the features that llama.cpp says are on. */
function cpuFeatures({ systemInfo, backend }: EngineInfo): string {
  const on = [...systemInfo.matchAll(/(\w+) = 1/g)].map(([, feature]) => feature);
  return `${backend}, ${on.join(' ')}`;
}
