import { unavailableBecause } from '../schema/availability.ts';
import type {
  GoldenPrompt,
  GoldenStep,
  KitCheck,
  KitGolden,
  PhoneReplay,
  PhoneToken,
} from '../schema/kit.ts';
import { type KitFindings, quoted } from './kit-finding.ts';
import { gapTo, isPartOfCharacter, LEAST_LOG_PROB } from './kit-reply.ts';

/** Of the golden tokens' log-probabilities, phone against computer, in nats. */
export function logProbDifference(
  { tolerance }: KitGolden,
  pairs: readonly { readonly prompt: GoldenPrompt; readonly replay: PhoneReplay }[],
  findings: KitFindings,
): KitCheck['logProbs'] {
  let [steps, sum, largest, otherTop, left] = [0, 0, 0, 0, 0];
  for (const { prompt, replay } of pairs) {
    let wrong = 0;
    let message = '';
    for (const forced of replay.forced) {
      const golden = prompt.reply.steps[forced.step];
      if ('status' in forced || golden === undefined || forced.top.some(isPartOfCharacter)) {
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
      if (gap <= tolerance.nearTie) continue;
      wrong++;
      message ||=
        `"${prompt.name}": after the same ${forced.step} tokens the most likely is ${quoted(first.text)} and not ` +
        `${quoted(golden.text)}, which was at least ${gap.toFixed(2)} nats likelier`;
    }
    if (wrong > 0) {
      const more = wrong === 1 ? '' : `; so at ${wrong - 1} more`;
      findings.error('kit/wrong-distribution', `${message}${more}`);
    }
  }
  if (steps === 0) return unavailableBecause('no distributions came back');
  const mean = sum / steps;
  if (mean > tolerance.meanLogProb) {
    findings.error(
      'kit/wrong-distribution',
      `log-probabilities differ by ${mean.toFixed(3)} nats on average over ${steps} tokens, at most ${tolerance.meanLogProb} was expected`,
    );
  }
  if (left > 0) {
    findings.note(
      'kit/not-compared',
      `the distributions of ${left} of ${left + steps} tokens could not be asked for`,
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
  return Math.abs(expected - (own?.logProb ?? LEAST_LOG_PROB));
}
