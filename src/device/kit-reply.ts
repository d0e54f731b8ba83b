import type {
  CheckedPrompt,
  GoldenPrompt,
  GoldenStep,
  KitDivergence,
  KitGolden,
  PhoneReplay,
  PhoneToken,
} from '../schema/kit.ts';
import { type KitFindings, quoted } from './kit-finding.ts';

/** Text that stands for no token: a reply that ended. */
const END = 'the end';
/** Of a token that was not kept where only one was: the least that a float64 probability can have. */
export const LEAST_LOG_PROB = Math.log(Number.MIN_VALUE);

/** Other input tokens make every later comparison meaningless. */
export function promptsAgree(
  { model }: KitGolden,
  { name, tokens, text }: GoldenPrompt,
  { promptTokens, formattedPrompt }: PhoneReplay,
  findings: KitFindings,
): boolean {
  const own =
    model.bos !== null && formattedPrompt.startsWith(model.bos.text)
      ? formattedPrompt.slice(model.bos.text.length)
      : formattedPrompt;
  if (own !== text) {
    findings.warning(
      'kit/template',
      `"${name}": the chat template gives another prompt on the phone, ${quoted(own)} and not ${quoted(text)}`,
    );
  }
  const at = firstDifference(promptTokens, tokens);
  if (at === null) return true;
  findings.error(
    'kit/prompt-tokens',
    `"${name}": token ${at} of the prompt is ${promptTokens[at] ?? 'missing'} on the phone and not ${tokens[at] ?? 'missing'}`,
  );
  return false;
}

export function checkedReply(
  { tolerance }: KitGolden,
  { name, reply: golden }: GoldenPrompt,
  { reply }: PhoneReplay,
  findings: KitFindings,
): CheckedPrompt {
  const steps = golden.steps.length;
  const isSame = reply.text === golden.text && (reply.stop === 'end') === golden.ends;
  const found = isSame ? null : divergenceOf(golden, reply, tolerance.nearTie);
  if (found === 'unknown') {
    findings.warning(
      'kit/not-compared',
      `"${name}": parts of characters could not be told apart; the reply differs`,
    );
    return { name, steps, divergence: null };
  }
  if (found !== null) {
    const { step, expected, got, gap, isNearTie } = found;
    const where = `"${name}": token ${step + 1} is ${shown(got)} and not ${shown(expected)}`;
    if (isNearTie) {
      findings.note('kit/near-tie', `${where}, which was ${gap.toFixed(3)} nats likelier: a near tie`);
    } else {
      findings.error('kit/wrong-token', `${where}, which was at least ${gap.toFixed(2)} nats likelier`);
    }
  }
  return { name, steps, divergence: found };
}

function divergenceOf(
  golden: GoldenPrompt['reply'],
  reply: PhoneReplay['reply'],
  nearTie: number,
): KitDivergence | 'unknown' | null {
  let isUnclear = false;
  for (const [step, expected] of golden.steps.entries()) {
    const isEnd = golden.ends && step === golden.steps.length - 1;
    const got = reply.tokens[step];
    if (got === undefined) {
      if (!isEnd || reply.stop !== 'end') return ended(step, expected, nearTie);
      continue;
    }
    if (!isEnd && got.id === expected.token) continue;
    if (isPartOfCharacter(got)) {
      isUnclear = true;
      continue;
    }
    const gap = gapTo(expected, got);
    return { step, expected: isEnd ? END : expected.text, got: got.text, gap, isNearTie: gap <= nearTie };
  }
  return isUnclear ? 'unknown' : null;
}

/** The end token's own probability is not reported: every other token is at least as far away as the second. */
function ended(step: number, expected: GoldenStep, nearTie: number): KitDivergence {
  const [first, second] = expected.top;
  const gap = (first?.logProb ?? 0) - (second?.logProb ?? LEAST_LOG_PROB);
  return { step, expected: expected.text, got: END, gap, isNearTie: gap <= nearTie };
}

/** llama.rn reports a token that is a part of a character by its byte, which no golden text has. */
export function isPartOfCharacter({ id, text }: PhoneToken): boolean {
  return id === null && text.startsWith('byte: \\x');
}

/** How far below the first a token was on the computer; at least that of the last one kept. */
export function gapTo({ top }: GoldenStep, { id }: PhoneToken): number {
  const known = top.find(({ token }) => token === id) ?? top.at(-1);
  return (top[0]?.logProb ?? 0) - (known === top[0] ? LEAST_LOG_PROB : (known?.logProb ?? LEAST_LOG_PROB));
}

function shown(text: string): string {
  return text === END ? text : quoted(text);
}

function firstDifference(a: readonly number[], b: readonly number[]): number | null {
  const length = Math.max(a.length, b.length);
  for (let index = 0; index < length; index++) if (a[index] !== b[index]) return index;
  return null;
}
