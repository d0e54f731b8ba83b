import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { access, mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import writeFileAtomic from 'write-file-atomic';
import { devicesOf } from '../../api/fit/device-catalogue.ts';
import { bosOf, CANDIDATES, goldenPrompts } from '../../api/kit/golden.ts';
import { KIT_PROMPTS } from '../../api/kit/prompts.ts';
import { gigabytes } from '../../device/fit.ts';
import { type KitPlan, kitPlan } from '../../device/kit-parameters.ts';
import { kitSource } from '../../device/kit-source.ts';
import { modelShape } from '../../device/predict-speed.ts';
import { findDevice } from '../../device/profiles.ts';
import { mainTypeOf, workloadOf } from '../../device/workload.ts';
import { startEngineProcess } from '../../engine/index.ts';
import {
  chatTemplate,
  type GgufHeader,
  modelFacts,
  parseShardName,
  quantizationOf,
} from '../../gguf/index.ts';
import { readModel } from '../../model/model.ts';
import type { KitGolden } from '../../schema/kit.ts';
import type { DeviceProfile } from '../../schema/phone-data.ts';
import { SCHEMA_IDS } from '../../schema/terms.ts';
import { messageOf, QuantscopeError, UsageError } from '../../util/errors.ts';
import { packagePath, packageVersion } from '../../util/package-files.ts';
import { EXIT, type ExitCode } from '../exit.ts';
import { modelsOnDisk } from '../model-files.ts';
import { stepProgress } from '../step-progress.ts';
import type { KitOptions } from './command.ts';

/** What fit's speeds are told for, so that the phone's figures can be laid beside them. */
const BENCH = { promptTokens: 256, generatedTokens: 64 } as const;
/** Room for the longest golden prompt with its reply, however its tokenizer cuts it. */
const GOLDEN_CONTEXT = 1024;
const BATCH = 512;

/**
 * On the nano family the engine here (AVX2) and llama.cpp's plain C kernels differ by at most 0.0023 nats on average and
 * 0.034 at one token; Q8_0 differs from F16 by 0.006 and 0.09. Phones' GPUs round more than either, and a wrong kernel
 * is off by whole nats.
 */
const TOLERANCE = {
  nearTie: 0.5,
  meanLogProb: 0.1,
  why:
    'Backends add in another order and round activations otherwise, so the probabilities differ a little, and where ' +
    'two tokens were nearly as likely the other may be chosen; the replies go apart from there without a fault. In nats.',
} as const;

/** The kit command's work: a ref to a file, its golden run here, and the folder for the app. */
export async function runKit(ref: string, options: KitOptions, signal: AbortSignal): Promise<ExitCode> {
  const { quiet = false, yes } = options;
  const catalogue = await devicesOf(options.devices);
  const device = options.device === undefined ? null : findDevice(options.device, catalogue);
  await refuseToReplace(options);
  const [file, ...others] = await modelsOnDisk([ref], { yes, quiet, signal });
  if (file === undefined || others.length > 0) {
    throw new UsageError('kit/several', `${ref} stands for ${others.length + 1} models, a kit is for one`, {
      hint: `Name one of them: quantscope kit ${ref.toLowerCase() === 'nano' ? 'nano:Q4_K_M' : (file?.ref ?? ref)}`,
    });
  }
  if ((parseShardName(file.path)?.count ?? 1) > 1) {
    throw new UsageError('kit/shards', `${file.path} is one shard of several, an app wants one file`, {
      hint: 'Join them with llama-gguf-split --merge FIRST OUT, and write the kit for the joined file.',
    });
  }
  const { header, bytes } = await readModel(file, signal);
  if (header instanceof QuantscopeError) throw header;
  const plan = kitPlan(header, device, catalogue, {
    ...(options.context === undefined ? {} : { contextSize: options.context }),
    ...(options.cacheType === undefined ? {} : { cacheType: options.cacheType }),
    ...(options.backend === undefined ? {} : { backend: options.backend }),
  });
  if (plan === null) {
    throw new UsageError(
      'kit/no-layers',
      `${file.ref}: the header does not describe layers that a phone could load`,
      {
        hint: 'A vocabulary, an encoder or a projector is no model to chat with: quantscope inspect says what it is.',
      },
    );
  }
  const progress = stepProgress(process.stderr, quiet, () => 'golden run');
  try {
    progress.update('hashing the file', 0, KIT_PROMPTS.length + 1);
    const sha256 = await sha256Of(file.path, signal);
    const golden = await goldenOf(
      { path: file.path, header, fileBytes: bytes, sha256, plan, device, options, signal },
      (name, done, total) => progress.update(name, done + 1, total + 1),
    );
    progress.clear();
    await writeKit(options.out, golden, plan, device);
    if (!quiet) for (const line of summaryOf(options.out, golden, plan)) process.stderr.write(`${line}\n`);
  } finally {
    progress.clear();
  }
  return EXIT.done;
}

interface GoldenInput {
  readonly path: string;
  readonly header: GgufHeader;
  readonly fileBytes: number;
  readonly sha256: string;
  readonly plan: KitPlan;
  readonly device: DeviceProfile | null;
  readonly options: KitOptions;
  readonly signal: AbortSignal;
}

/** Runs on the CPU whatever there is besides: the plainest arithmetic is what the phone is held to. */
async function goldenOf(
  { path, header, fileBytes, sha256, plan, device, options, signal }: GoldenInput,
  onPrompt: (name: string, done: number, total: number) => void,
): Promise<KitGolden> {
  await using session = await startEngineProcess({
    gpu: 'off',
    callTimeoutMs: options.timeout * 1000,
    signal,
  });
  const model = await session.loadModel({ path, gpuLayers: 0 });
  await session.openContext({
    contextSize: Math.min(GOLDEN_CONTEXT, model.trainContextSize),
    sequences: 1,
    batchSize: BATCH,
    threads: options.threads ?? session.info.mathCores,
    flashAttention: 'auto',
    keyType: 'f16',
    valueType: 'f16',
  });
  const { label, tensorBytes } = quantizationOf(header, path);
  const work = workloadOf(header);
  const facts = modelFacts(header);
  const { name, version, llamaCpp, backend } = session.info;
  const prompts = await goldenPrompts(session, model, chatTemplate(header) ?? null, onPrompt);
  return {
    schema: SCHEMA_IDS.kitGolden,
    id: createHash('sha256').update(JSON.stringify(prompts)).digest('hex'),
    tool: `quantscope ${packageVersion()}`,
    engine: { name, version, llamaCpp, backend },
    model: {
      name: facts.name ?? facts.architecture ?? 'model',
      quantization: label.label,
      sha256,
      fileBytes,
      tensorBytes,
      parameters: facts.parameters,
      shape: modelShape(header),
      mainType: (work === null ? null : mainTypeOf(work)) ?? 'F32',
      bos: await bosOf(session, model),
    },
    tolerance: TOLERANCE,
    bench: BENCH,
    candidates: CANDIDATES,
    expected: expectationOf(plan, device),
    prompts,
  };
}

function expectationOf(
  { backend, contextSize, cacheType, memory, fit, speed }: KitPlan,
  device: DeviceProfile | null,
): KitGolden['expected'] {
  const { weightsBytes, kvBytes, stateBytes, computeBytes, totalBytes, anonymousBytes } = memory;
  return {
    device: device === null ? null : { id: device.id, name: device.name },
    backend,
    contextSize,
    cacheType,
    memory: {
      basis: 'estimated',
      weightsBytes,
      kvBytes,
      stateBytes,
      computeBytes,
      totalBytes,
      anonymousBytes,
      budgetBytes: fit?.budgetBytes ?? unavailable('what the phone gives an app is not known'),
    },
    speed:
      'reason' in speed
        ? unavailable(speed.reason)
        : {
            promptTps: speed.promptTps ?? unavailable('nothing was measured to predict the prompt from'),
            generationTps: speed.generationTps,
            low: speed.low,
            high: speed.high,
            basis: speed.basis,
            evidence: speed.evidence,
          },
  };
}

function unavailable(reason: string) {
  return { status: 'unavailable', reason } as const;
}

async function sha256Of(path: string, signal: AbortSignal): Promise<string> {
  const hash = createHash('sha256');
  try {
    await pipeline(createReadStream(path, { highWaterMark: 1024 * 1024 }), hash, { signal });
  } catch (cause) {
    signal.throwIfAborted();
    throw new UsageError('input/unreadable', `${path} cannot be read: ${messageOf(cause)}`, { cause });
  }
  return hash.digest('hex');
}

const FILES = ['llama-rn.ts', 'golden.json', 'README.md'] as const;

/** @throws UsageError `kit/exists`: an app's developer may have changed the source */
async function refuseToReplace({ out, force = false }: KitOptions): Promise<void> {
  for (const name of force ? [] : FILES) {
    const path = join(out, name);
    if (
      await access(path).then(
        () => true,
        () => false,
      )
    ) {
      throw new UsageError('kit/exists', `${path} is there already`, {
        hint: 'Name another folder with --out, or replace the kit with --force.',
      });
    }
  }
}

async function writeKit(
  out: string,
  golden: KitGolden,
  plan: KitPlan,
  device: DeviceProfile | null,
): Promise<void> {
  const template = (name: string) => readFile(packagePath(`templates/kit/${name}`), 'utf8');
  const title = { model: `${golden.model.name} ${golden.model.quantization}`, device: device?.name ?? null };
  const contents: Record<(typeof FILES)[number], string> = {
    'llama-rn.ts': kitSource(await template('llama-rn.ts'), title, plan),
    'golden.json': `${JSON.stringify(golden, null, 1)}\n`,
    'README.md': await template('README.md'),
  };
  try {
    await mkdir(out, { recursive: true });
    for (const name of FILES) await writeFileAtomic(join(out, name), contents[name]);
  } catch (cause) {
    throw new UsageError('output/unwritable', `${out} cannot be written: ${messageOf(cause)}`, {
      cause,
      hint: 'Name another folder with --out.',
    });
  }
}

const VERDICTS = { tight: 'tight', no: 'does not fit', unknown: 'whether it fits is not known' } as const;

function summaryOf(
  out: string,
  { model, expected, prompts }: KitGolden,
  { fit, parameters }: KitPlan,
): string[] {
  const tokens = prompts.reduce((sum, { reply }) => sum + reply.steps.length, 0);
  const { device, backend, contextSize, cacheType, memory, speed } = expected;
  const where = device === null ? 'the CPU of any phone' : `${device.name}, ${backend}`;
  const pace =
    'status' in speed
      ? ''
      : `, ${speed.low.toFixed(1)} to ${speed.high.toFixed(1)} tokens/s (${speed.basis})`;
  return [
    `${model.name} ${model.quantization} for ${where}: context ${contextSize}, ${cacheType} cache, ${gigabytes(memory.totalBytes)}${pace}`,
    ...(fit === null || fit.verdict === 'fits'
      ? []
      : [`${VERDICTS[fit.verdict]}: ${fit.reasons.join('; ')}`]),
    `${parameters.length} parameters, ${prompts.length} golden prompts with ${tokens} tokens: ${FILES.map((name) => join(out, name)).join(', ')}`,
  ];
}
