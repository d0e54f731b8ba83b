import {
  BUILD_VARIABLE,
  buildChoiceOf,
  buildEngine,
  EngineError,
  listLocalBuilds,
  removeLocalBuilds,
  startEngineProcess,
} from '../../engine/index.ts';
import type { EngineInfo, EngineReport, Tried } from '../../schema/engine.ts';
import type { BuildChoice } from '../../schema/terms.ts';
import { SCHEMA_IDS } from '../../schema/terms.ts';
import { EXIT, type ExitCode } from '../exit.ts';
import type { EngineBuildOptions, EngineOptions } from './command.ts';
import { buildProgress } from './progress.ts';

/** The longest a start may take: node-llama-cpp tries a prebuilt binary in a process of its own first. */
const START_TIMEOUT_MS = 120_000;

/** `engine list`: what there is, found out by starting it. */
export async function runEngineList({ json }: EngineOptions, signal: AbortSignal): Promise<ExitCode> {
  const choice = buildChoiceOf(process.env);
  const local = await listLocalBuilds();
  const finished = local.filter(({ builtAt }) => builtAt !== null);
  const inUse = await start(choice, signal);
  const isInUse = (build: string) => 'info' in inUse && inUse.info.build === build;
  const builds = {
    prebuilt: isInUse('prebuilt') ? inUse : await start('prebuilt', signal),
    ...(finished.length > 0 ? { local: isInUse('localBuild') ? inUse : await start('local', signal) } : {}),
  };
  const unfinished = local.length - finished.length;
  if (json) {
    const localBuilds = local.map((build) => ({ ...build, builtAt: build.builtAt?.toISOString() ?? null }));
    print({ schema: SCHEMA_IDS.engine, choice, inUse, builds, localBuilds } satisfies EngineReport);
  } else {
    const chosenBy = choice === 'auto' ? '' : `, because ${BUILD_VARIABLE}=${choice}`;
    const lines = [
      `in use    ${'info' in inUse ? `${describe(inUse.info)}${chosenBy}` : `none: ${inUse.reason}`}`,
      ...Object.entries(builds).map(
        ([name, tried]) => `${name.padEnd(8)}  ${'info' in tried ? cpuFeatures(tried.info) : tried.reason}`,
      ),
      ...finished.map(({ backend, builtAt }) => `          built for ${backend} ${builtAt?.toISOString()}`),
      ...(finished.length === 0 ? ['local     none: quantscope engine build makes one'] : []),
      ...(unfinished > 0
        ? [`          ${unfinished} unfinished, not used: engine build replaces it, engine remove removes it`]
        : []),
    ];
    process.stdout.write(`${lines.join('\n')}\n`);
  }
  return 'info' in inUse ? EXIT.done : EXIT.usage;
}

/** `engine build`: compiles, and tells what sessions will use from now on. */
export async function runEngineBuild(
  { gpu, json, verbose = false, quiet = false }: EngineBuildOptions,
  signal: AbortSignal,
): Promise<ExitCode> {
  const progress = buildProgress(process.stderr, quiet ? 'nothing' : verbose ? 'lines' : 'shares');
  try {
    const info = await buildEngine({ gpu, onLine: progress.take, signal });
    progress.stop();
    if (json) print({ schema: SCHEMA_IDS.engineBuild, built: info });
    else process.stdout.write(`${describe(info)}\n${cpuFeatures(info)}\n`);
    return EXIT.done;
  } finally {
    progress.stop();
  }
}

/** `engine remove`: back to what npm brought. */
export async function runEngineRemove({ json }: EngineOptions): Promise<ExitCode> {
  const builds = await listLocalBuilds();
  await removeLocalBuilds();
  const folders = builds.map(({ folder }) => folder);
  if (json) print({ schema: SCHEMA_IDS.engineRemove, folders });
  else {
    process.stdout.write(
      folders.length === 0 ? 'no local build to remove\n' : `removed ${folders.join(', ')}\n`,
    );
  }
  return EXIT.done;
}

async function start(build: BuildChoice, signal: AbortSignal): Promise<Tried> {
  try {
    await using session = await startEngineProcess({
      gpu: 'auto',
      build,
      signal,
      callTimeoutMs: START_TIMEOUT_MS,
    });
    return { info: session.info };
  } catch (thrown) {
    if (thrown instanceof EngineError) return { reason: thrown.message };
    throw thrown;
  }
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

function print(value: object): void {
  process.stdout.write(`${JSON.stringify(value, null, 2)}\n`);
}
