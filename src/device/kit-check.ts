import type {
  CheckedPrompt,
  GoldenPrompt,
  KitCheck,
  KitGolden,
  KitResults,
  PhoneReplay,
} from '../schema/kit.ts';
import type { DeviceProfile, LearnedSpeed } from '../schema/phone-data.ts';
import { type PhoneBackend, SCHEMA_IDS } from '../schema/terms.ts';
import { formatPhoneRate, gigabytes } from '../util/units.ts';
import { logProbDifference } from './kit-distribution.ts';
import { KitFindings, quoted } from './kit-finding.ts';
import { checkedReply, promptsAgree } from './kit-reply.ts';
import { checkedSustained, type SustainedLimits } from './kit-sustained.ts';

/** Estimates leave out what the app and its runtime allocate beside the model. */
const MEMORY_SLACK = 1.15;
const RUNTIME_BYTES = 64e6;

/**
 * Compares a phone's results with the golden file. Whether they are of the same model is for the caller to have
 * seen ({@link otherModel}).
 */
export function checkKit(golden: KitGolden, results: KitResults, limits: SustainedLimits = {}): KitCheck {
  const findings = new KitFindings();
  const prompts: CheckedPrompt[] = [];
  const pairs: { readonly prompt: GoldenPrompt; readonly replay: PhoneReplay }[] = [];
  for (const prompt of golden.prompts) {
    const replay = results.replays.find(({ name }) => name === prompt.name);
    if (replay === undefined) {
      findings.error('kit/replay-missing', `"${prompt.name}" was not replayed`);
      continue;
    }
    if (!promptsAgree(golden, prompt, replay, findings)) continue;
    pairs.push({ prompt, replay });
    prompts.push(checkedReply(golden, prompt, replay, findings));
  }
  const logProbs = logProbDifference(golden, pairs, findings);
  const speed = checkedSpeed(golden, results, findings);
  const memory = checkedMemory(golden, results, findings);
  const sustained = checkedSustained(golden, results, limits, findings);
  const errors = findings.all.filter(({ level }) => level === 'error');
  return {
    schema: SCHEMA_IDS.kitCheck,
    verdict:
      errors.length === 0 ? 'ok' : errors.every(({ code }) => code === 'kit/too-slow') ? 'slow' : 'wrong',
    device: results.device.name,
    model: `${golden.model.name} ${golden.model.quantization}`,
    modelSha256: golden.model.sha256,
    backend: shownBackend(results),
    prompts,
    logProbs,
    loadMs: results.loadMs,
    speed,
    memory,
    sustained,
    findings: findings.all,
  };
}

/** Why the results are not of the golden file's model; null where they are. */
export function otherModel({ model }: KitGolden, results: KitResults): string | null {
  const differs = (what: string, got: string | number, expected: string | number) =>
    `${what} ${got} and not ${expected}`;
  if (results.golden.modelSha256 !== model.sha256) {
    return differs(
      'the phone replayed the golden file of the model',
      results.golden.modelSha256,
      model.sha256,
    );
  }
  const { sha256, tensorBytes, parameters } = results.model;
  if (sha256 !== null && sha256 !== model.sha256)
    return differs('the file on the phone has the SHA-256', sha256, model.sha256);
  if (parameters !== null && parameters !== model.parameters) {
    return differs('the model on the phone has', `${parameters} parameters`, model.parameters);
  }
  if (tensorBytes !== null && tensorBytes !== model.tensorBytes) {
    return differs('the weights on the phone take', `${tensorBytes} bytes`, model.tensorBytes);
  }
  return null;
}

/** Why the replays cannot be those of the golden file, whatever the phone computes; null where they can. */
export function otherReplays(golden: KitGolden, { golden: replayed, replays }: KitResults): string | null {
  if (replayed.id !== golden.id) {
    return `the phone replayed another golden file of the same model, ${replayed.id.slice(0, 12)}… and not ${golden.id.slice(0, 12)}…`;
  }
  const names = new Set<string>();
  for (const { name, forced } of replays) {
    const prompt = golden.prompts.find((each) => each.name === name);
    if (prompt === undefined) return `${quoted(name)} is no prompt of the golden file`;
    if (names.has(name)) return `${quoted(name)} was replayed twice`;
    names.add(name);
    const steps = new Set(forced.map(({ step }) => step));
    const beyond = forced.find(({ step }) => step >= prompt.reply.steps.length);
    if (beyond !== undefined)
      return `${quoted(name)} has a token ${beyond.step}, the golden reply has ${prompt.reply.steps.length}`;
    if (steps.size !== forced.length) return `${quoted(name)} has a token twice`;
  }
  return null;
}

function checkedSpeed(
  { expected }: KitGolden,
  { bench, backend }: KitResults,
  findings: KitFindings,
): KitCheck['speed'] {
  if (expected.backend !== 'cpu' && !backend.gpu) {
    const why = backend.reasonNoGpu === '' ? 'llama.rn gives no reason' : backend.reasonNoGpu;
    findings.warning('kit/no-gpu', `the model ran on the CPU and not on ${expected.backend}: ${why}`);
  }
  if (bench.status === 'unavailable') return bench;
  const { promptTps, generationTps } = bench;
  const { speed } = expected;
  if (!('status' in speed) && speed.basis !== 'extrapolated') {
    const measured = `${formatPhoneRate(generationTps)} tokens/s, ${speed.basis} ${formatPhoneRate(speed.low)} to ${formatPhoneRate(speed.high)}`;
    if (generationTps < speed.low) {
      findings.warning('kit/slower', `${measured}: a warm phone, another app at work, or a wrong backend`);
    } else if (generationTps > speed.high) findings.note('kit/faster', measured);
  }
  return { promptTps, generationTps, expected: speed };
}

function checkedMemory(
  { expected }: KitGolden,
  { memory }: KitResults,
  findings: KitFindings,
): KitCheck['memory'] {
  if (memory.status === 'unavailable') return memory;
  const grownBytes = Math.max(memory.afterLoadBytes, memory.afterRunBytes) - memory.beforeLoadBytes;
  const { totalBytes, anonymousBytes } = expected.memory;
  if (grownBytes > totalBytes * MEMORY_SLACK + RUNTIME_BYTES) {
    findings.warning(
      'kit/memory',
      `the app grew by ${gigabytes(grownBytes)}, ${gigabytes(totalBytes)} was estimated`,
    );
  }
  return { grownBytes, expectedBytes: totalBytes, expectedAnonymousBytes: anonymousBytes };
}

function shownBackend({ backend: { gpu, devices } }: KitResults): string {
  if (!gpu) return 'CPU';
  return devices.length === 0 ? 'GPU' : devices.join(', ');
}

/** The speed of a phone's results as fit keeps it; null where the phone measured none. */
export function learnedSpeed(
  golden: KitGolden,
  results: KitResults,
  device: DeviceProfile,
): LearnedSpeed | null {
  const { bench, createdAt } = results;
  if (bench.status === 'unavailable') return null;
  const { name, quantization, shape, tensorBytes, mainType } = golden.model;
  return {
    device: device.id,
    backend: usedBackend(golden, results, device),
    model: name,
    label: quantization,
    shape,
    tensorBytes,
    mainType,
    promptTps: bench.promptTps,
    generationTps: bench.generationTps,
    measuredAt: createdAt,
  };
}

/** llama.rn says whether a GPU was used and by which name. */
function usedBackend(
  { expected }: KitGolden,
  { backend }: KitResults,
  { os, backends }: DeviceProfile,
): PhoneBackend {
  if (!backend.gpu) return 'cpu';
  if (os === 'ios') return 'metal';
  if (backend.devices.some((name) => name.startsWith('HTP'))) return 'hexagon';
  return expected.backend === 'cpu'
    ? (backends.find((each) => each !== 'cpu') ?? 'opencl')
    : expected.backend;
}
