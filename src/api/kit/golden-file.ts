import { UNKNOWN_PROMPT } from '../../device/fit-report.ts';
import type { KitPlan } from '../../device/kit-parameters.ts';
import { modelShape } from '../../device/predict-speed.ts';
import { mainTypeOf, workloadOf } from '../../device/workload.ts';
import { startEngineProcess } from '../../engine/index.ts';
import {
  chatTemplate,
  type GgufHeader,
  modelFacts,
  quantizationOf,
  ropeFactorsFor,
  ropeFacts,
} from '../../gguf/index.ts';
import { sha256OfText } from '../../measure/file-hash.ts';
import { unavailableBecause } from '../../schema/availability.ts';
import type { KitGolden } from '../../schema/kit.ts';
import type { DeviceProfile } from '../../schema/phone-data.ts';
import { SCHEMA_IDS } from '../../schema/terms.ts';
import { packageVersion } from '../../util/package-files.ts';
import { bosOf, CANDIDATES, goldenPrompts } from './golden.ts';

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

export interface GoldenInput {
  readonly path: string;
  readonly header: GgufHeader;
  readonly fileBytes: number;
  readonly sha256: string;
  readonly plan: KitPlan;
  readonly device: DeviceProfile | null;
  readonly threads: number | undefined;
  readonly timeout: number;
  readonly signal: AbortSignal;
}

/**
 * What golden.json holds. Runs on the CPU whatever there is besides: the plainest arithmetic is what the phone is held to.
 * @throws EngineError, the signal's reason
 */
export async function goldenOf(
  { path, header, fileBytes, sha256, plan, device, threads, timeout, signal }: GoldenInput,
  onPrompt: (name: string, done: number) => void,
): Promise<KitGolden> {
  await using session = await startEngineProcess({
    gpu: 'off',
    callTimeoutMs: timeout * 1000,
    signal,
  });
  const model = await session.loadModel({ path, gpuLayers: 0 });
  await session.openContext({
    contextSize: goldenContext(header, plan.contextSize, model.trainContextSize),
    sequences: 1,
    batchSize: BATCH,
    threads: threads ?? session.info.mathCores,
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
    id: sha256OfText(JSON.stringify(prompts)),
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

/**
 * Room for the longest golden prompt, on the app's side of the length that the model was first trained with: beyond it
 * every position gets other factors, short prompts too, and other replies.
 */
export function goldenContext(header: GgufHeader, appContext: number, trained: number): number {
  const usual = Math.min(GOLDEN_CONTEXT, trained);
  const wanted = ropeFactorsFor(header, appContext);
  if (wanted === null || wanted === ropeFactorsFor(header, usual)) return usual;
  const original = ropeFacts(header).originalContextLength ?? usual;
  return wanted === 'long' ? original + 1 : Math.min(appContext, usual);
}

function expectationOf(
  { backend, contextSize, cacheType, memory, fit, speed }: KitPlan,
  device: DeviceProfile | null,
): KitGolden['expected'] {
  return {
    device:
      device === null
        ? null
        : { id: device.id, name: device.name, batteryWh: device.batteryWh?.value ?? null },
    backend,
    contextSize,
    cacheType,
    memory: {
      basis: 'estimated',
      weightsBytes: memory.weightsBytes,
      repackedBytes: memory.repackedBytes,
      kvBytes: memory.kvBytes,
      stateBytes: memory.stateBytes,
      checkpointBytes: memory.checkpointBytes,
      computeBytes: memory.computeBytes,
      totalBytes: memory.totalBytes,
      anonymousBytes: memory.anonymousBytes,
      budgetBytes: fit?.budgetBytes ?? unavailableBecause('what the phone gives an app is not known'),
    },
    speed:
      'reason' in speed
        ? unavailableBecause(speed.reason)
        : {
            promptTps: speed.promptTps ?? unavailableBecause(UNKNOWN_PROMPT),
            generationTps: speed.generationTps,
            low: speed.low,
            high: speed.high,
            basis: speed.basis,
            evidence: speed.evidence,
          },
  };
}
