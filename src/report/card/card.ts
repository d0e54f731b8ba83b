import { formatCount } from '../../util/units.ts';
import { bothUnits } from '../../validate/card/judge-size.ts';
import { escaped } from '../table-markdown.ts';
import { accuracy, alternatives } from './measured.ts';
import { type CardModel, LEGEND, marked } from './model.ts';
import { quantized } from './quantized.ts';
import { memory, phones } from './running.ts';
import { specs, yamlHead } from './specs.ts';

/** A model card in Markdown: facts of the file and figures of a run, each marked with what it stands on. */
export function renderCard(card: CardModel): string {
  const { facts, tool, ref } = card;
  const name = facts.model.name ?? facts.fileName.replace(/\.gguf$/i, '');
  const { label } = facts.quantization.label;
  const title = name.toUpperCase().includes(label.toUpperCase()) ? name : `${name} (${label})`;
  return [
    yamlHead(card),
    `# ${escaped(title)}`,
    LEGEND,
    section('Specs', specs(card)),
    section('How it is quantized', quantized(facts)),
    section('Memory', memory(card)),
    section('On phones', phones(card)),
    section('Accuracy', accuracy(card)),
    section('Limitations', limitations(card)),
    section('Alternatives', alternatives(card)),
    section('Prompt format', promptFormat(card)),
    `Written by ${escaped(tool)} from ${escaped(ref)}. \`quantscope card check CARD.md --model FILE\` tests its claims.`,
  ].join('\n\n');
}

function section(title: string, text: string): string {
  return `## ${title}\n\n${text}`;
}

/** Only what follows from the file and the run; nothing that is said of every model. */
function limitations({ facts, phones: devices, measured, provenance, chatTemplate }: CardModel): string {
  const { model, quantization } = facts;
  const none = devices
    .filter(({ variants }) => variants.every(({ verdict }) => verdict === 'no'))
    .map(({ name }) => name);
  const cache = model.contextLength === undefined ? null : facts.memory(model.contextLength, 'f16');
  const lines = [
    ...(model.contextLength === undefined
      ? []
      : [`It was trained for ${marked(`${formatCount(model.contextLength)} tokens`, 'read')} of context.`]),
    ...(cache === null || cache.kvBytes < cache.totalBytes / 4
      ? []
      : [
          `The KV cache of ${formatCount(model.contextLength ?? 0)} tokens takes ${marked(bothUnits(cache.kvBytes), 'estimated')} in f16: a smaller context takes less, and a q8_0 cache about half.`,
        ]),
    ...(none.length === 0 ? [] : [`It does not fit ${marked(escaped(none.join(', ')), 'estimated')}.`]),
    ...(measured === null
      ? ['What the quantization costs in accuracy has not been measured for this card.']
      : []),
    ...(quantization.label.agrees
      ? []
      : [`The tensors do not bear the label out: ${escaped(quantization.label.reason ?? '')}.`]),
    ...(chatTemplate === null ? ['It has no chat template: prompts go to it as plain text.'] : []),
    ...(model.imatrix === null ? ['It records no importance matrix.'] : []),
    ...(provenance.license === null ? ['The file states no license; ask its author.'] : []),
  ];
  return lines.map((line) => `- ${line}`).join('\n');
}

const LONGEST_TEMPLATE = 8000;

/** The template as it stands in the file: rendering it would run a program of unknown origin. */
function promptFormat({ chatTemplate }: CardModel): string {
  if (chatTemplate === null) return 'The file has no chat template.';
  const shown =
    chatTemplate.length > LONGEST_TEMPLATE ? `${chatTemplate.slice(0, LONGEST_TEMPLATE)}…` : chatTemplate;
  const printable = [...shown]
    .filter((character) => character === '\n' || character === '\t' || character >= ' ')
    .join('');
  const longest = [...printable.matchAll(/`+/g)].reduce((most, [run]) => Math.max(most, run.length), 2);
  const fence = '`'.repeat(longest + 1);
  return `The chat template of the file (Jinja), which llama.rn applies to \`messages\`:\n\n${fence}jinja\n${printable}\n${fence}`;
}
