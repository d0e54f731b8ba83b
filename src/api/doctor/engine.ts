import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { buildChoiceOf, type GpuChoice, listLocalBuilds, startEngineProcess } from '../../engine/index.ts';
import { llamaFolder } from '../../engine/local-builds.ts';
import { isPublished, packageName } from '../../engine/missing-binary.ts';
import { isAvailable, type Unavailable, unavailableBecause } from '../../schema/availability.ts';
import type { Check, EngineFacts, Examined } from '../../schema/doctor.ts';
import type { EngineInfo } from '../../schema/engine.ts';
import { messageOf, QuantscopeError } from '../../util/errors.ts';
import { GPUS_OF, type Gpu, gpuFix, readDrivers } from './gpu.ts';
import { fact } from './machine.ts';

/** A start takes a second or two; a driver that hangs must not hold the rest up for long. */
const START_TIMEOUT_MS = 20_000;

/** The engine and the GPUs, each found out by a process that starts it: a native crash becomes a line. */
export async function examineEngine(signal: AbortSignal): Promise<Examined<EngineFacts>> {
  const [inUse, localBuilds] = await Promise.all([start('auto', signal), listLocalBuilds()]);
  const gpus: EngineFacts['gpus'][number][] = [];
  const checks: Check[] = [engineCheck(inUse), ...featureChecks(inUse)];
  for (const backend of GPUS_OF[`${process.platform}-${process.arch}`] ?? []) {
    const found = await examineGpu(backend, inUse, localBuilds, signal);
    gpus.push({ backend, use: found.facts });
    checks.push(...found.checks);
  }
  if (gpus.length === 0)
    checks.push(
      fact('gpu', `llama.cpp has no GPU backend for ${process.platform}-${process.arch} here`, 'GPU'),
    );
  checks.push(localCheck(localBuilds));
  return {
    checks,
    facts: {
      inUse: isAvailable(inUse)
        ? {
            name: inUse.name,
            version: inUse.version,
            llamaCpp: inUse.llamaCpp,
            build: inUse.build,
            backend: inUse.backend,
            devices: [...inUse.devices],
            cpuFeatures: featuresOf(inUse),
            threads: inUse.mathCores,
          }
        : { status: inUse.status, reason: inUse.reason },
      gpus,
      localBuilds: localBuilds.map(({ backend, builtAt }) => ({
        backend,
        builtAt: builtAt?.toISOString() ?? null,
      })),
    },
  };
}

interface NotStarted extends Unavailable {
  readonly hint: string | undefined;
}

async function start(gpu: GpuChoice, signal: AbortSignal): Promise<EngineInfo | NotStarted> {
  try {
    await using session = await startEngineProcess({
      gpu,
      signal,
      callTimeoutMs: START_TIMEOUT_MS,
    });
    return session.info;
  } catch (thrown) {
    signal.throwIfAborted();
    const hint = thrown instanceof QuantscopeError ? thrown.hint : undefined;
    return { ...unavailableBecause(messageOf(thrown)), hint };
  }
}

function engineCheck(inUse: EngineInfo | NotStarted): Check {
  if (!isAvailable(inUse)) {
    return {
      id: 'engine',
      label: 'engine',
      status: 'failed',
      message: inUse.reason,
      fix: inUse.hint ?? 'Install again, or compile it here: quantscope engine build',
    };
  }
  const { name, version, llamaCpp, build, mathCores } = inUse;
  const which = build === 'localBuild' ? 'compiled here' : 'prebuilt';
  return fact(
    'engine',
    `llama.cpp ${llamaCpp} through ${name} ${version}, ${which}, ${mathCores} thread${mathCores === 1 ? '' : 's'} by its own choice`,
  );
}

function featureChecks(inUse: EngineInfo | NotStarted): Check[] {
  return isAvailable(inUse) ? [fact('cpu-features', featuresOf(inUse).join(' '), 'uses of the CPU')] : [];
}

/** llama.cpp prints `AVX2 = 1`. */
function featuresOf({ systemInfo }: EngineInfo): string[] {
  return [...systemInfo.matchAll(/(\w+) = 1/g)].map(([, feature]) => feature ?? '');
}

async function examineGpu(
  backend: Gpu,
  inUse: EngineInfo | NotStarted,
  localBuilds: Awaited<ReturnType<typeof listLocalBuilds>>,
  signal: AbortSignal,
): Promise<Examined<EngineFacts['gpus'][number]['use']>> {
  const id = `gpu/${backend}`;
  const isInstalled =
    existsSync(join(llamaFolder(), '..', '..', '@node-llama-cpp', packageName(backend))) ||
    localBuilds.some((build) => build.backend === backend && build.builtAt !== null);
  const isInUse = isAvailable(inUse) && inUse.backend === backend;
  const started = isInUse
    ? inUse
    : isInstalled
      ? await start(backend, signal)
      : { ...unavailableBecause('no binary of llama.cpp for it is installed'), hint: undefined };
  const hasDevice = isAvailable(started) && started.devices.length > 0;
  if (hasDevice) {
    const devices = [...started.devices];
    return { facts: { devices }, checks: [fact(id, devices.join(', '), backend)] };
  }
  const drivers = await readDrivers();
  const reason = isAvailable(started) ? 'llama.cpp finds no device' : started.reason;
  return {
    facts: unavailableBecause(reason),
    checks: [
      {
        id,
        label: backend,
        status: 'note',
        message: `not used: ${reason}`,
        fix: gpuFix(backend, { isInstalled, isPublished: isPublished(backend), ...drivers }),
      },
    ],
  };
}

function localCheck(builds: Awaited<ReturnType<typeof listLocalBuilds>>): Check {
  const finished = builds.filter(({ builtAt }) => builtAt !== null);
  const unfinished = builds.length - finished.length;
  const asked = askedBuild();
  const message =
    finished.length > 0
      ? finished
          .map(({ backend, builtAt }) => `for ${backend}, ${builtAt?.toISOString().slice(0, 10)}`)
          .join('; ')
      : 'none';
  const check = fact(
    'local-build',
    asked === 'auto' ? message : `${message} (QUANTSCOPE_ENGINE=${asked})`,
    'local build',
  );
  if (unfinished > 0) {
    return {
      ...check,
      status: 'warning',
      message: `${message}; ${unfinished} unfinished, not used`,
      fix: 'Replace it with quantscope engine build, or remove it with quantscope engine remove.',
    };
  }
  return finished.length > 0
    ? check
    : { ...check, status: 'note', fix: 'quantscope engine build compiles one for this very CPU.' };
}

/** A value that is none fails the start, which tells. */
function askedBuild(): string {
  try {
    return buildChoiceOf(process.env);
  } catch {
    return 'auto';
  }
}
