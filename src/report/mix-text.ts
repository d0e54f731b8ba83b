import type { MixResults } from '../schema/mix.ts';
import { formatBytes, formatDuration } from '../util/units.ts';
import { plotCurve } from './curve-plot.ts';
import { moreAndLess } from './mix-changes.ts';
import type { Style } from './style.ts';

/** What `mix` prints for a person. */
export function renderMix(results: MixResults, style: Style): string {
  const { source, goal, measured, predictedKld, choiceKld, written, choiceText, testText } = results;
  return [
    `${source.ref}: ${goal}`,
    '',
    ...table(results, style),
    style.dim(
      `  measured on ${testText.path} (${testText.chunks} chunks), which the choice did not see; predicted ` +
        `${predictedKld.toFixed(5)}, ${choiceKld.toFixed(5)} on the text of the choice`,
    ),
    '',
    ...plotCurve(results.curve, measured, style),
    '',
    ...moreAndLess(results).map((line) => `  ${line}`),
    style.dim(
      `  chosen on ${choiceText.path} (${choiceText.chunks} chunks) by ${results.losses.measured} measured losses` +
        `${results.losses.reused > 0 ? ` and ${results.losses.reused} of before` : ''}, in ${formatDuration(results.durationMs)}`,
    ),
    ...phoneLines(results),
    '',
    verdictLine(results, style),
    ...(written === null
      ? ['Nothing was written; --always writes it all the same.']
      : [
          `${written.path}  ${formatBytes(written.bytes)}`,
          style.dim(`  the same bytes by: ${written.command}`),
        ]),
  ].join('\n');
}

function table({ measured, comparedWith }: MixResults, style: Style): string[] {
  const names = measured.map(({ kind, name }) => (kind === 'neighbour' ? `mix ${name}` : name));
  const sizes = measured.map(({ bytes }) => bytes.toLocaleString('en-US'));
  const width = Math.max(...names.map((name) => name.length));
  const sizeWidth = Math.max(...sizes.map((size) => size.length));
  return measured.map((row, index) => {
    const text =
      `  ${(names[index] ?? '').padEnd(width)}  ${(sizes[index] ?? '').padStart(sizeWidth)} B` +
      `  KLD ${row.meanKld.toFixed(5)} ± ${row.stderrKld.toFixed(5)}` +
      `  same top ${(row.sameTop * 100).toFixed(2)} %  perplexity ${row.perplexity.toFixed(4)}`;
    if (row.kind === 'mix') return style.bold(text);
    return row.name === comparedWith ? text : style.dim(text);
  });
}

function phoneLines({ phone }: MixResults): string[] {
  if (phone === null) return [];
  const { device, backend, generationTps, low, high, types } = phone;
  const speed =
    generationTps === null || low === null || high === null
      ? 'its speed there cannot be predicted'
      : `${generationTps.toFixed(1)} t/s predicted (${low.toFixed(1)} to ${high.toFixed(1)})`;
  return [`  on ${device} (${backend}): ${speed}; types: ${types === null ? 'all' : types.join(', ')}`];
}

function verdictLine({ verdict, measured, comparedWith }: MixResults, style: Style): string {
  const mix = measured.find(({ kind }) => kind === 'mix');
  const stock = measured.find(({ name }) => name === comparedWith);
  const factor =
    mix === undefined || stock === undefined || stock.meanKld === 0
      ? ''
      : ` (${(mix.meanKld / stock.meanKld).toFixed(2)} of its divergence at ${(mix.bytes / stock.bytes).toFixed(2)} of its size)`;
  switch (verdict) {
    case 'better':
      return style.good(`The mix loses less than ${comparedWith}${factor}.`);
    case 'within the error':
      return style.warn(`The mix and ${comparedWith} differ by less than the error${factor}.`);
    case 'worse':
      return style.bad(`The mix loses more than ${comparedWith}${factor}.`);
  }
}
