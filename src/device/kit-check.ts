import { gigabytes } from './fit.ts';
import type {
  GoldenPrompt,
  GoldenStep,
  KitGolden,
  KitResults,
  Missing,
  PhoneReplay,
  PhoneToken,
} from './kit-files.ts';

export const KIT_CHECK_SCHEMA_ID = 'quantscope/kit-check@1';

export const KIT_FINDINGS = [
  'kit/prompt-tokens',
  'kit/wrong-token',
  'kit/wrong-distribution',
  'kit/replay-missing',
  'kit/near-tie',
  'kit/template',
  'kit/not-compared',
  'kit/no-gpu',
  'kit/slower',
  'kit/faster',
  'kit/memory',
] as const;

export interface KitFinding {
  /** An error is a phone that computes something else; exit code 1. */
  readonly level: 'error' | 'warning' | 'note';
  readonly code: (typeof KIT_FINDINGS)[number];
  readonly message: string;
}

/** Where a reply leaves the golden one. */
export interface Divergence {
  readonly step: number;
  readonly expected: string;
  readonly got: string;
  /** How much more likely the expected token was on the computer, in nats: at least, where the other was not kept. */
  readonly gap: number;
  readonly isNearTie: boolean;
}

export interface CheckedPrompt {
  readonly name: string;
  readonly steps: number;
  readonly divergence: Divergence | null;
}

/** Of the golden tokens' log-probabilities, phone against computer, in nats. */
export interface LogProbDifference {
  readonly steps: number;
  readonly mean: number;
  readonly largest: number;
  /** Steps whose most likely token is another. */
  readonly otherTop: number;
}

export interface CheckedSpeed {
  readonly promptTps: number;
  readonly generationTps: number;
  readonly expected: KitGolden['expected']['speed'];
}

export interface CheckedMemory {
  /** Of the app, from before the load to after the last replay. */
  readonly grownBytes: number;
  readonly expectedBytes: number;
  readonly expectedAnonymousBytes: number;
}

export interface KitCheck {
  readonly schema: typeof KIT_CHECK_SCHEMA_ID;
  readonly verdict: 'ok' | 'wrong';
  readonly device: string;
  readonly model: string;
  readonly backend: string;
  readonly prompts: readonly CheckedPrompt[];
  readonly logProbs: LogProbDifference | Missing;
  readonly loadMs: number;
  readonly speed: CheckedSpeed | Missing;
  readonly memory: CheckedMemory | Missing;
  readonly findings: readonly KitFinding[];
}

/** Text that stands for no token: a reply that ended. */
const END = 'the end';
/** llama.rn tells a token that is a part of a character by its byte. */
const PART_OF_CHARACTER = /^byte: \\x/;
/** Estimates of memory leave the app's own allocations out. */
const MEMORY_SLACK = 1.15;

/**
 * Compares a phone's results with the golden file. Whether they are of the same model is for the caller to have
 * seen ({@link otherModel}).
 */
export function checkKit(golden: KitGolden, results: KitResults): KitCheck {
  const findings: KitFinding[] = [];
  const prompts: CheckedPrompt[] = [];
  const pairs: { readonly prompt: GoldenPrompt; readonly replay: PhoneReplay }[] = [];
  for (const prompt of golden.prompts) {
    const replay = results.replays.find(({ name }) => name === prompt.name);
    if (replay === undefined) {
      findings.push(error('kit/replay-missing', `"${prompt.name}" was not replayed`));
      continue;
    }
    if (!promptsAgree(golden, prompt, replay, findings)) continue;
    pairs.push({ prompt, replay });
    prompts.push(checkedReply(golden, prompt, replay, findings));
  }
  const logProbs = logProbDifference(golden, pairs, findings);
  const speed = checkedSpeed(golden, results, findings);
  const memory = checkedMemory(golden, results, findings);
  return {
    schema: KIT_CHECK_SCHEMA_ID,
    verdict: findings.some(({ level }) => level === 'error') ? 'wrong' : 'ok',
    device: results.device.name,
    model: `${golden.model.name} ${golden.model.quantization}`,
    backend: backendOf(results),
    prompts,
    logProbs,
    loadMs: results.loadMs,
    speed,
    memory,
    findings,
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

/** Other input tokens make every later comparison meaningless. */
function promptsAgree(
  { model }: KitGolden,
  { name, tokens, text }: GoldenPrompt,
  { promptTokens, formattedPrompt }: PhoneReplay,
  findings: KitFinding[],
): boolean {
  const own =
    model.bos !== null && formattedPrompt.startsWith(model.bos.text)
      ? formattedPrompt.slice(model.bos.text.length)
      : formattedPrompt;
  if (own !== text) {
    findings.push(
      warning(
        'kit/template',
        `"${name}": the chat template gives another prompt on the phone, ${quoted(own)} and not ${quoted(text)}`,
      ),
    );
  }
  const at = firstDifference(promptTokens, tokens);
  if (at === null) return true;
  findings.push(
    error(
      'kit/prompt-tokens',
      `"${name}": token ${at} of the prompt is ${promptTokens[at] ?? 'missing'} on the phone and not ${tokens[at] ?? 'missing'}`,
    ),
  );
  return false;
}

function checkedReply(
  { tolerance }: KitGolden,
  { name, reply: golden }: GoldenPrompt,
  { reply }: PhoneReplay,
  findings: KitFinding[],
): CheckedPrompt {
  const steps = golden.steps.length;
  const isSame = reply.text === golden.text && (reply.stop === 'end') === golden.ends;
  const found = isSame ? null : divergenceOf(golden, reply, tolerance.nearTie);
  if (found === 'unknown') {
    findings.push(
      warning(
        'kit/not-compared',
        `"${name}": parts of characters could not be told apart; the reply differs`,
      ),
    );
    return { name, steps, divergence: null };
  }
  if (found !== null) {
    const { step, expected, got, gap, isNearTie } = found;
    const where = `"${name}": token ${step + 1} is ${quoted(got)} and not ${quoted(expected)}`;
    findings.push(
      isNearTie
        ? note('kit/near-tie', `${where}, which was ${gap.toFixed(3)} nats likelier: a near tie`)
        : error('kit/wrong-token', `${where}, which was at least ${gap.toFixed(2)} nats likelier`),
    );
  }
  return { name, steps, divergence: found };
}

function divergenceOf(
  golden: GoldenPrompt['reply'],
  reply: PhoneReplay['reply'],
  nearTie: number,
): Divergence | 'unknown' | null {
  let isUnclear = false;
  for (const [step, expected] of golden.steps.entries()) {
    const isEnd = golden.ends && step === golden.steps.length - 1;
    const said = reply.tokens[step];
    const hasEnded = said === undefined;
    // Where neither an end nor a token came back the phone stopped at its limit.
    if (hasEnded && reply.stop === 'length')
      return step === golden.steps.length ? null : ended(step, expected, nearTie);
    if (isEnd && hasEnded) return isUnclear ? 'unknown' : null;
    if (hasEnded) return ended(step, expected, nearTie);
    if (!isEnd && said.id === expected.token) continue;
    if (said.id === null && PART_OF_CHARACTER.test(said.text)) {
      isUnclear = true;
      continue;
    }
    const gap = gapTo(expected, said);
    return { step, expected: isEnd ? END : expected.text, got: said.text, gap, isNearTie: gap <= nearTie };
  }
  return isUnclear ? 'unknown' : null;
}

/** The end token's own probability is not told: every other token is at least as far away as the second. */
function ended(step: number, expected: GoldenStep, nearTie: number): Divergence {
  const [first, second] = expected.top;
  const gap = (first?.logProb ?? 0) - (second?.logProb ?? Number.NEGATIVE_INFINITY);
  return { step, expected: expected.text, got: END, gap, isNearTie: gap <= nearTie };
}

/** How far below the first a token was on the computer; at least that of the last one kept. */
function gapTo({ top }: GoldenStep, said: PhoneToken): number {
  const known = top.find(({ token }) => token === said.id) ?? top.at(-1);
  return (top[0]?.logProb ?? 0) - (known?.logProb ?? Number.NEGATIVE_INFINITY);
}

function logProbDifference(
  { tolerance }: KitGolden,
  pairs: readonly { readonly prompt: GoldenPrompt; readonly replay: PhoneReplay }[],
  findings: KitFinding[],
): LogProbDifference | Missing {
  let [steps, sum, largest, otherTop, left] = [0, 0, 0, 0, 0];
  for (const { prompt, replay } of pairs) {
    for (const forced of replay.forced) {
      const golden = prompt.reply.steps[forced.step];
      if ('status' in forced || golden === undefined) {
        left++;
        continue;
      }
      const difference = differenceAt(golden, forced.top);
      steps++;
      sum += difference;
      largest = Math.max(largest, difference);
      const [first] = forced.top;
      if (first === undefined || first.id === golden.token) continue;
      otherTop++;
      const gap = gapTo(golden, first);
      if (gap > tolerance.nearTie) {
        findings.push(
          error(
            'kit/wrong-distribution',
            `"${prompt.name}": after the same ${forced.step} tokens the most likely is ${quoted(first.text)} and not ` +
              `${quoted(golden.text)}, which was at least ${gap.toFixed(2)} nats likelier`,
          ),
        );
      }
    }
  }
  if (steps === 0) return { status: 'unavailable', reason: 'no distributions came back' };
  const mean = sum / steps;
  if (mean > tolerance.meanLogProb) {
    findings.push(
      error(
        'kit/wrong-distribution',
        `log-probabilities differ by ${mean.toFixed(3)} nats on average over ${steps} tokens, at most ${tolerance.meanLogProb} was expected`,
      ),
    );
  }
  if (left > 0) {
    findings.push(
      note(
        'kit/not-compared',
        `the distributions of ${left} of ${left + steps} tokens could not be asked for`,
      ),
    );
  }
  return { steps, mean, largest, otherTop };
}

/** Of the golden token's log-probability; at least, where the phone's list does not have it. */
function differenceAt(
  { token, top }: GoldenStep,
  phone: readonly (PhoneToken & { readonly logProb: number })[],
): number {
  const expected = top[0]?.logProb ?? 0;
  const own = phone.find(({ id }) => id === token) ?? phone.at(-1);
  return Math.abs(expected - (own?.logProb ?? Number.NEGATIVE_INFINITY));
}

function checkedSpeed(
  { expected }: KitGolden,
  { bench, backend }: KitResults,
  findings: KitFinding[],
): CheckedSpeed | Missing {
  if (expected.backend !== 'cpu' && !backend.gpu) {
    const why = backend.reasonNoGpu === '' ? 'llama.rn gives no reason' : backend.reasonNoGpu;
    findings.push(warning('kit/no-gpu', `the model ran on the CPU and not on ${expected.backend}: ${why}`));
  }
  if (bench.status === 'unavailable') return bench;
  const { promptTps, generationTps } = bench;
  const { speed } = expected;
  if (!('status' in speed)) {
    const figure = `${rate(generationTps)} tokens/s, ${speed.basis} ${rate(speed.low)} to ${rate(speed.high)}`;
    if (generationTps < speed.low) {
      findings.push(
        warning('kit/slower', `${figure}: a warm phone, another app at work, or a wrong backend`),
      );
    } else if (generationTps > speed.high) findings.push(note('kit/faster', figure));
  }
  return { promptTps, generationTps, expected: speed };
}

function checkedMemory(
  { expected }: KitGolden,
  { memory }: KitResults,
  findings: KitFinding[],
): CheckedMemory | Missing {
  if (memory.status === 'unavailable') return memory;
  const grownBytes = Math.max(memory.afterLoadBytes, memory.afterRunBytes) - memory.beforeLoadBytes;
  const { totalBytes, anonymousBytes } = expected.memory;
  if (grownBytes > totalBytes * MEMORY_SLACK) {
    findings.push(
      warning(
        'kit/memory',
        `the app grew by ${gigabytes(grownBytes)}, ${gigabytes(totalBytes)} was estimated`,
      ),
    );
  }
  return { grownBytes, expectedBytes: totalBytes, expectedAnonymousBytes: anonymousBytes };
}

function backendOf({ backend: { gpu, devices } }: KitResults): string {
  if (!gpu) return 'CPU';
  return devices.length === 0 ? 'GPU' : devices.join(', ');
}

function firstDifference(a: readonly number[], b: readonly number[]): number | null {
  const length = Math.max(a.length, b.length);
  for (let index = 0; index < length; index++) if (a[index] !== b[index]) return index;
  return null;
}

const SHOWN = 60;

function quoted(text: string): string {
  return text === END ? text : JSON.stringify(text.length > SHOWN ? `${text.slice(0, SHOWN)}…` : text);
}

export function rate(tps: number): string {
  return tps >= 20 ? tps.toFixed(0) : tps.toFixed(1);
}

function error(code: KitFinding['code'], message: string): KitFinding {
  return { level: 'error', code, message };
}

function warning(code: KitFinding['code'], message: string): KitFinding {
  return { level: 'warning', code, message };
}

function note(code: KitFinding['code'], message: string): KitFinding {
  return { level: 'note', code, message };
}
