import { isAvailable } from '../schema/availability.ts';
import type { Recommendation, VariantResult } from '../schema/results.ts';
import { counted, formatBytes, formatRate } from '../util/units.ts';
import { rateDecimals } from './numbers.ts';
import type { Report } from './report.ts';
import { printable } from './text-width.ts';

export interface Verdict {
  /** The variant to ship; null where none is recommended or the machines disagree. */
  readonly variant: string | null;
  /** The verdict in a sentence. */
  readonly headline: string;
  /** Further sentences: why, and what speaks against others. */
  readonly reasons: readonly string[];
  /** What speaks against shipping it all the same, a sentence each. */
  readonly warnings: readonly string[];
}

/** What to ship, over all machines of a report, and the phones on which that would be a mistake. */
export function verdictOf(report: Report): Verdict {
  const verdict = report.machines.length > 0 ? verdictOfMachines(report) : verdictWithoutComparison(report);
  const wrong = report.phones.filter(({ check }) => check.verdict === 'wrong');
  const warnings = wrong.map(({ label, check }) =>
    sentence(`${printable(check.model)} computes something else on ${printable(label)} than on the computer`),
  );
  return { ...verdict, warnings };
}

/** Speeds and phones alone: what they say, and that it recommends nothing. */
function verdictWithoutComparison(report: Report): Omit<Verdict, 'warnings'> {
  const { benches, phones } = report;
  const right = phones.filter(({ check }) => check.verdict !== 'wrong').length;
  const [phone] = phones;
  const fastest = fastestGeneration(benches);
  const headline =
    phone !== undefined && phones.length === 1
      ? `${printable(phone.label)} computes ${right === 1 ? 'what the computer does' : 'something else'}.`
      : phones.length > 0
        ? `${right} of ${phones.length} phones compute what the computer does.`
        : (fastest ?? fittingPhones(report) ?? largestContext(report) ?? 'No test has a speed.');
  return {
    variant: null,
    headline,
    reasons: [
      ...(phones.length > 0 && fastest !== null ? [fastest] : []),
      'No recommendation: none of the files compares variants (quantscope compare).',
    ],
  };
}

function fittingPhones({ fits }: Report): string | null {
  const judged = fits.flatMap(({ results }) => results.devices.flatMap(({ variants }) => variants));
  if (judged.length === 0) return null;
  const fitting = judged.filter(({ verdict }) => verdict === 'fits').length;
  return `${fitting} of ${counted(judged.length, 'pair')} of phone and variant fit.`;
}

function largestContext({ contexts }: Report): string | null {
  const [first] = contexts;
  if (first === undefined) return null;
  const { recommendation } = first.results;
  return sentence(isAvailable(recommendation) ? recommendation.sentence : recommendation.reason);
}

function fastestGeneration(benches: Report['benches']): string | null {
  let fastest: { readonly tps: number; readonly text: string } | null = null;
  for (const { label, results } of benches) {
    for (const { model, test, speed } of results.rows) {
      if (!isAvailable(speed) || test.generationTokens === 0 || test.promptTokens > 0) continue;
      const tps = speed.meanTps;
      if (fastest !== null && tps <= fastest.tps) continue;
      const figure = `${tps.toFixed(rateDecimals(tps))} tokens/s (${test.name})`;
      fastest = {
        tps,
        text: `Fastest at generation: ${printable(model.label)} on ${printable(label)}, ${figure}.`,
      };
    }
  }
  return fastest?.text ?? null;
}

function verdictOfMachines({ machines }: Report): Omit<Verdict, 'warnings'> {
  const verdicts = machines.map(({ label, results }) => ({ label, recommendation: results.recommendation }));
  const [first] = verdicts;
  if (first === undefined) throw new TypeError('no machine compared anything');
  const names = new Set(verdicts.map(({ recommendation }) => nameOf(recommendation)));
  if (names.size > 1) {
    const each = verdicts.map(({ label, recommendation }) => {
      const name = nameOf(recommendation);
      const verdict = isAvailable(recommendation)
        ? `ship ${name}`
        : `no recommendation: ${recommendation.reason}`;
      return sentence(`${printable(label)}: ${printable(verdict)}`);
    });
    return { variant: null, headline: 'The machines do not agree on a variant.', reasons: each };
  }
  const { recommendation } = first;
  if (!isAvailable(recommendation)) {
    const none = sentence(`No recommendation: ${recommendation.reason}`);
    const known = machines.length === 1 ? knownOf(machines[0]?.results.variants ?? []) : null;
    return known === null
      ? { variant: null, headline: none, reasons: [] }
      : { variant: null, headline: known, reasons: [none] };
  }
  const where =
    machines.length > 2
      ? ` on all ${machines.length} machines`
      : machines.length > 1
        ? ' on both machines'
        : '';
  const { variant, reasons, dominated } = recommendation;
  const losers = dominated.map(({ variant: loser, by }) => `${loser} (by ${by})`).join(', ');
  return {
    variant,
    headline: `Ship ${printable(variant)}${where}.`,
    reasons: [
      ...reasons.map(sentence),
      ...(losers === ''
        ? []
        : [
            sentence(
              `Dominated, since another is at least as good on size, speed and accuracy at once: ${losers}`,
            ),
          ]),
    ],
  };
}

/** What is known of several variants where not enough is to recommend one; null where there is nothing to choose. */
function knownOf(variants: readonly VariantResult[]): string | null {
  const measured = variants.filter(({ status }) => status === 'ok');
  if (measured.length < 2) return null;
  const best = (
    read: (variant: VariantResult) => number | null,
    what: string,
    write: (value: number) => string,
  ) => {
    const [first] = measured
      .flatMap((variant) => {
        const value = read(variant);
        return value === null ? [] : [{ name: variant.name, value }];
      })
      .sort((a, b) => a.value - b.value);
    return first === undefined ? [] : [`${printable(first.name)} ${what} (${write(Math.abs(first.value))})`];
  };
  const parts = [
    ...best(({ file }) => file.bytes, 'is the smallest', formatBytes),
    ...best(
      ({ speed }) => (isAvailable(speed) && isAvailable(speed.generation) ? -speed.generation.meanTps : null),
      'the fastest at generation',
      (tps) => `${formatRate(tps)} tokens/s`,
    ),
    ...best(
      ({ perplexity }) => (isAvailable(perplexity) ? perplexity.value : null),
      'has the lowest perplexity',
      (value) => value.toFixed(3),
    ),
  ];
  return sentence(parts.join(', '));
}

function nameOf(recommendation: Recommendation): string {
  return isAvailable(recommendation) ? recommendation.variant : '';
}

/** As a sentence, whatever its writer thought of capitals and full stops. */
export function sentence(text: string): string {
  const line = printable(text).replace(
    /^[a-z]+(?=\s)/,
    (word) => word.charAt(0).toUpperCase() + word.slice(1),
  );
  return line === '' || /[.!?]$/.test(line) ? line : `${line}.`;
}
