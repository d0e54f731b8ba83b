import { isAvailable } from '../../schema/availability.ts';
import type { Results, VariantResult } from '../../schema/results.ts';
import { formatCount } from '../../util/units.ts';
import { bothUnits } from '../../validate/card/judge-size.ts';
import { describeMeasurement } from '../provenance.ts';
import { escaped } from '../table-markdown.ts';
import { type CardModel, marked, table } from './model.ts';

/** What the run measured of this file's accuracy, or why there is nothing. */
export function accuracy({ measured }: CardModel): string {
  if (measured === null)
    return 'Not measured: `quantscope compare` of this file and its F16, then `quantscope card REF --results FILE`.';
  const { results, variant } = measured;
  const { perplexity, divergence, tasks } = variant;
  const isReference = variant.name === results.reference;
  const rows: [string, string][] = [];
  if (isAvailable(perplexity)) {
    rows.push(['Perplexity', `${perplexity.value.toFixed(4)} ± ${perplexity.stderr.toFixed(4)}`]);
  }
  if (isAvailable(divergence) && !isReference) {
    rows.push([
      'Mean KL divergence',
      `${divergence.meanKld.toFixed(5)} ± ${divergence.stderrKld.toFixed(5)} nats`,
    ]);
    rows.push([
      'Same most likely token',
      `${percent(divergence.sameTop)} ± ${(100 * divergence.sameTopStderr).toFixed(2)}`,
    ]);
  }
  if (isAvailable(tasks)) {
    rows.push([
      'Tasks right',
      `${tasks.correct} of ${tasks.total} (${percent(tasks.low)} to ${percent(tasks.high)})`,
    ]);
    for (const [task, { correct, total }] of Object.entries(tasks.byTask))
      rows.push([`Tasks right, ${escaped(task)}`, `${correct} of ${total}`]);
    if (isAvailable(tasks.flips) && !isReference) {
      rows.push([
        'Answers flipped',
        `${tasks.flips.count} (${tasks.flips.lost} lost, ${tasks.flips.gained} gained)`,
      ]);
    }
  }
  if (rows.length === 0) return 'The results hold no accuracy of this file.';
  const against =
    results.reference === null || isReference
      ? []
      : [`Divergence and flips are against ${escaped(results.reference)}.`];
  return [
    table(
      ['Figure', 'Value'],
      rows.map(([name, value]) => [name, marked(value, 'measured')]),
      true,
    ),
    ...against,
    describeMeasurement(results)
      .map((sentence) => `- ${escaped(sentence)}`)
      .join('\n'),
  ].join('\n\n');
}

/** The other variants of the results, with this one among them. */
export function alternatives(card: CardModel): string {
  const { measured } = card;
  if (measured === null || measured.results.variants.length < 2) return besides(card);
  const { results, variant } = measured;
  const rows = results.variants.map((each) => [
    each === variant ? `${escaped(each.name)} (this file)` : escaped(each.name),
    marked(bothUnits(each.file.bytes), 'read'),
    speedHere(each),
    accuracyOf(each, results),
    tasksOf(each),
  ]);
  const { cpu, cores } = results.machine;
  return [
    table(['Model', 'Size', 'Generation, tokens per second', 'Mean KLD', 'Tasks right'], rows),
    `Speed on ${escaped(cpu)} with ${cores} cores; a phone orders them differently.`,
  ].join('\n\n');
}

/** Other files of the repository or folder, by their sizes; nothing of them was measured. */
function besides({ siblings, facts, contexts }: CardModel): string {
  const [contextSize = 0] = contexts;
  const needed = facts.memory(contextSize, 'f16');
  if (siblings.length < 2) {
    return 'This file was named alone. `quantscope card` of its folder or repository lists the others.';
  }
  const rows = siblings.map(({ label, bytes }) => {
    const isThis = label === facts.quantization.label.label && bytes === facts.fileBytes;
    return [
      isThis ? `${escaped(label)} (this file)` : escaped(label),
      marked(bothUnits(bytes), 'read'),
      needed === null ? '-' : marked(bothUnits(needed.totalBytes + bytes - facts.fileBytes), 'estimated'),
    ];
  });
  const context = `${formatCount(contextSize)} tokens, f16`;
  return [
    table(['Quantization', 'File size', `Memory, ${context}`], rows),
    'What each loses in accuracy was not measured: `quantscope compare` does.',
  ].join('\n\n');
}

function speedHere({ speed }: VariantResult): string {
  if (!isAvailable(speed) || !isAvailable(speed.generation)) return '-';
  const { meanTps, stddevTps } = speed.generation;
  return marked(`${meanTps.toFixed(1)} ± ${stddevTps.toFixed(1)}`, 'measured');
}

function accuracyOf({ name, divergence }: VariantResult, { reference }: Results): string {
  if (name === reference) return 'reference';
  return isAvailable(divergence) ? marked(divergence.meanKld.toFixed(4), 'measured') : '-';
}

function tasksOf({ tasks }: VariantResult): string {
  return isAvailable(tasks) ? marked(`${tasks.correct} of ${tasks.total}`, 'measured') : '-';
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}
