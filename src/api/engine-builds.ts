import {
  buildChoiceOf,
  buildEngine,
  EngineError,
  listLocalBuilds,
  removeLocalBuilds,
  startEngineProcess,
} from '../engine/index.ts';
import type { EngineInfo, EngineReport, Tried } from '../schema/engine.ts';
import { type BuildChoice, type GpuChoice, SCHEMA_IDS } from '../schema/terms.ts';

/** The longest a start may take: node-llama-cpp tries a prebuilt binary in a process of its own first. */
const START_TIMEOUT_MS = 120_000;

/**
 * What `quantscope engine list --json` prints: the builds of llama.cpp on this machine, each started once, and which of
 * them sessions take. A build that does not start is its reason.
 * @throws UsageError where QUANTSCOPE_ENGINE names no choice; the signal's reason
 */
export async function engineBuilds({
  signal = new AbortController().signal,
}: {
  readonly signal?: AbortSignal;
} = {}): Promise<EngineReport> {
  const choice = buildChoiceOf(process.env);
  const localBuilds = await listLocalBuilds();
  const inUse = await start(choice, signal);
  const tried = async (name: 'prebuilt' | 'local', build: EngineInfo['build']): Promise<Tried> =>
    'info' in inUse && inUse.info.build === build ? inUse : start(name, signal);
  const prebuilt = await tried('prebuilt', 'prebuilt');
  const isBuilt = localBuilds.some(({ builtAt }) => builtAt !== null);
  const builds = { prebuilt, ...(isBuilt ? { local: await tried('local', 'localBuild') } : {}) };
  return {
    schema: SCHEMA_IDS.engine,
    choice,
    inUse,
    builds,
    localBuilds: localBuilds.map((build) => ({ ...build, builtAt: build.builtAt?.toISOString() ?? null })),
  };
}

export interface EngineBuildRequest {
  /** The backend to build. Default: `auto`, the best this machine has the tools for. */
  readonly gpu?: GpuChoice;
  /** Each line of the build, and how much is done by its own count, from 0 to 1, or null. */
  readonly onLine?: (line: string, done: number | null) => void;
  readonly signal?: AbortSignal;
}

/**
 * What `quantscope engine build --json` prints: compiles llama.cpp here, without a network, and tells what sessions use
 * from now on. A build made before is replaced.
 * @throws EngineError; the signal's reason
 */
export async function buildLocalEngine(request: EngineBuildRequest = {}) {
  const { gpu = 'auto', onLine = () => {}, signal = new AbortController().signal } = request;
  const built = await buildEngine({ gpu, onLine, signal });
  return { schema: SCHEMA_IDS.engineBuild, built } as const;
}

/** What `quantscope engine remove --json` prints: removes the local builds, and the source unpacked for them. */
export async function removeEngineBuilds() {
  const builds = await listLocalBuilds();
  await removeLocalBuilds();
  return { schema: SCHEMA_IDS.engineRemove, folders: builds.map(({ folder }) => folder) } as const;
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
