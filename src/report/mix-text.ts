import type { MixResults } from '../schema/mix.ts';
import { formatBytes, formatDuration } from '../util/units.ts';
import type { Style } from './style.ts';

/** What `mix` prints for a person. */
export function renderMix(results: MixResults, style: Style): string {
  const { source, recipe, groups, measured, predictedKld, verdict, written, choiceText, testText } = results;
  const name = Math.max(...measured.map((row) => row.name.length));
  const rows = measured.map(
    (row) =>
      `  ${row.name.padEnd(name)}  ${formatBytes(row.bytes).padStart(9)}  KLD ${row.meanKld.toFixed(5)} ± ${row.stderrKld.toFixed(5)}` +
      `  same top ${(row.sameTop * 100).toFixed(2)} %  perplexity ${row.perplexity.toFixed(4)}`,
  );
  const [mix, stock] = measured;
  const ratio =
    mix !== undefined && stock !== undefined && stock.meanKld > 0 ? mix.meanKld / stock.meanKld : null;
  return [
    `${source.ref}: a mix of about ${recipe}'s size`,
    '',
    ...rows,
    style.dim(
      `  measured on ${testText.path} (${testText.chunks} chunks), which the choice did not see; predicted ${predictedKld.toFixed(5)}`,
    ),
    '',
    ...changes(groups),
    style.dim(
      `  chosen on ${choiceText.path} (${choiceText.chunks} chunks), in ${formatDuration(results.durationMs)}`,
    ),
    '',
    verdictLine(verdict, recipe, ratio, style),
    ...(written === null
      ? ['Nothing was written; --always writes it all the same.']
      : [
          `${written.path}  ${formatBytes(written.bytes)}`,
          style.dim(`  the same bytes by: ${written.command}`),
        ]),
  ].join('\n');
}

function verdictLine(
  verdict: MixResults['verdict'],
  recipe: string,
  ratio: number | null,
  style: Style,
): string {
  const factor = ratio === null ? '' : ` (${ratio.toFixed(2)} of its divergence)`;
  switch (verdict) {
    case 'better':
      return style.good(`The mix loses less than ${recipe}${factor}.`);
    case 'within the error':
      return style.warn(`The mix and ${recipe} differ by less than the error${factor}.`);
    case 'worse':
      return style.bad(`The mix loses more than ${recipe}${factor}.`);
  }
}

/** Groups by the type that they got, and where that is another than the recipe's. */
function changes(groups: MixResults['groups']): string[] {
  const byType = new Map<string, string[]>();
  for (const { name, type, stockTypes } of groups) {
    const changed =
      stockTypes.length === 1 && stockTypes[0] === type ? name : `${name} (${stockTypes.join(', ')})`;
    byType.set(type, [...(byType.get(type) ?? []), changed]);
  }
  return [...byType].map(([type, names]) => `  ${type}: ${names.join('; ')}`);
}
