import type { MixResults } from '../../schema/mix.ts';
import { formatBytes, formatDuration } from '../../util/units.ts';
import { moreAndLess } from '../mix-changes.ts';
import { fillColumns } from '../table.ts';
import { printable } from '../text-width.ts';
import { html, type Markup } from './markup.ts';
import { mixChart } from './mix-chart.ts';
import { wholePage } from './page-frame.ts';
import { htmlTable } from './tables.ts';

type Row = MixResults['measured'][number];
type Group = MixResults['groups'][number];

/** What `mix` found as one HTML file: the curve, what was measured on it, and every tensor's losses. */
export function renderMixPage(results: MixResults): Promise<string> {
  const { source, goal, tool, engine, durationMs, choiceText, testText, predictedKld } = results;
  const curve = html`${mixChart(results)}${measuredTable(results)}<p>Measured on ${testText.path} (${testText.chunks}
chunks), which the choice did not see. The sum of single losses predicted ${predictedKld.toFixed(5)} on the text of the
choice, ${choiceText.path} (${choiceText.chunks} chunks).</p>`;
  const groups = html`${moreAndLess(results).map((line) => html`<p>${printable(line)}</p>`)}${groupTable(results)}`;
  return wholePage({
    name: printable(source.ref),
    title: 'a mix of types',
    version: ` ${tool.version}`,
    about: `${goal} · llama.cpp ${engine.llamaCpp} · in ${formatDuration(durationMs)}`,
    verdict: verdict(results),
    sections: [
      { id: 'curve', title: 'Loss by size', content: curve },
      { id: 'tensors', title: 'Types of tensors', content: groups },
    ],
  });
}

function verdict({ verdict: said, comparedWith, written }: MixResults): Markup {
  const text = {
    better: `The mix loses less than ${comparedWith}.`,
    'within the error': `The mix and ${comparedWith} differ by less than the error.`,
    worse: `The mix loses more than ${comparedWith}.`,
  }[said];
  const same =
    written === null ? null : html`<p>The same bytes: <code>${printable(written.command)}</code></p>`;
  return html`<p class="verdict">${text}</p>${same}`;
}

function measuredTable({ measured }: MixResults): Markup {
  const heads = measured.map(({ kind, name }) => ({
    name: kind === 'neighbour' ? `mix ${name}` : name,
    role: '' as const,
    recommended: kind === 'mix',
  }));
  const columns = fillColumns<Row>(
    [
      { title: 'size', read: ({ bytes }) => formatBytes(bytes) },
      {
        title: 'mean KLD',
        read: ({ meanKld, stderrKld }) => `${meanKld.toFixed(5)} ± ${stderrKld.toFixed(5)}`,
      },
      { title: 'predicted', read: ({ predictedKld }) => predictedKld?.toFixed(5) ?? '' },
      { title: 'same top', read: ({ sameTop }) => `${(sameTop * 100).toFixed(2)} %` },
      { title: 'perplexity', read: ({ perplexity }) => perplexity.toFixed(4) },
    ],
    measured,
  );
  return htmlTable('What was measured', { title: 'file', heads, columns }, { firstRow: 0 });
}

function groupTable({ groups, comparedWith }: MixResults): Markup {
  const heads = groups.map(({ name }) => ({ name: printable(name), role: '' as const, recommended: false }));
  const columns = fillColumns<Group>(
    [
      { title: 'type', align: 'left', read: ({ type }) => type },
      { title: `in ${comparedWith}`, align: 'left', read: ({ stockTypes }) => stockTypes.join(', ') },
      {
        title: 'losses, nats (estimated in parentheses)',
        align: 'left',
        read: ({ choices }) => choices.map(lossText).join(', '),
      },
    ],
    groups,
  );
  return htmlTable('Tensors and what they lose alone', { title: 'tensors', heads, columns });
}

function lossText({ type, loss, measured }: Group['choices'][number]): string {
  const text = `${type} ${Number(loss.toPrecision(2))}`;
  return measured ? text : `(${text})`;
}
