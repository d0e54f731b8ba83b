import type { Inspection } from '../measure/inspection.ts';
import { formatBytes, formatCount } from '../util/units.ts';
import { counted, type PageLayout, pairs } from './inspection-layout.ts';
import { visible } from './inspection-text.ts';

type Model = Inspection['model'];
type Fact = readonly [label: string, value: string];

/** The title: what the model calls itself, and the file. */
export function inspectionTitle({ model, ref, bytes, header }: Inspection, { style }: PageLayout): string[] {
  const name = visible(model.name ?? 'A model without a name');
  const file = `${visible(ref)}, ${formatBytes(bytes)} (${formatCount(bytes)} bytes), GGUF version ${header.version}`;
  return [style.bold(name), file];
}

/** The facts a developer looks for first; one that the file does not state is said to be missing only if it matters. */
export function keyFacts({ model }: Inspection, layout: PageLayout): string[] {
  const facts: Fact[] = [
    ['architecture', architectureOf(model)],
    ...(model.contextLength === null ? [] : [['context', contextOf(model)] as const]),
    ...(model.heads === null ? [] : [['attention', attentionOf(model)] as const]),
    ...(model.embeddingLength === null ? [] : [['width', widthOf(model)] as const]),
    ...(model.experts ? [['experts', `${model.experts}, ${model.expertsUsed ?? 'some'} used for a token`] as const] : []),
    ['vocabulary', vocabularyOf(model)],
    ['BOS and EOS', boundariesOf(model)],
    ['chat template', templateOf(model)],
    ['license', visible(model.license ?? 'not stated')],
    ['imatrix', imatrixOf(model)],
    ['made from', model.baseModels.length === 0 ? 'not stated' : model.baseModels.map(visible).join(', ')],
    ...(model.shard === null
      ? []
      : [['shard', `${model.shard.number} of ${model.shard.of}: the figures are this file's alone`] as const]),
  ];
  return [layout.style.bold('Model'), ...pairs(facts, layout)];
}

function architectureOf({ architecture, layers, parameters, sizeLabel }: Model): string {
  const parts = [visible(architecture ?? 'not stated')];
  if (layers !== null) parts.push(counted(layers, 'layer'));
  parts.push(`${formatCount(parameters)} parameters${sizeLabel === null ? '' : ` (${visible(sizeLabel)})`}`);
  return parts.join(', ');
}

function contextOf({ contextLength, slidingWindow, architecture }: Model): string {
  const context = `${formatCount(contextLength ?? 0)} tokens`;
  if (!slidingWindow) return context;
  const window = `a window of ${formatCount(slidingWindow)} is stated`;
  // models/phi3.cpp of llama.cpp: "Phi SWA is currently disabled".
  return `${context}; ${window}${architecture === 'phi3' ? ', which llama.cpp does not use for Phi' : ''}`;
}

function attentionOf({ heads, kvHeads, keyLength }: Model): string {
  const length = keyLength === null ? '' : ` of ${keyLength} elements`;
  if (kvHeads === null || heads === null) return `${counted(heads ?? 0, 'head')}${length}`;
  const shared =
    kvHeads < heads
      ? `${kvHeads} for keys and values (grouped-query attention, ${Number((heads / kvHeads).toFixed(2))} to 1)`
      : 'each with keys and values of its own: no grouped-query attention';
  return `${counted(heads, 'head')}${length}, ${shared}`;
}

function widthOf({ embeddingLength, feedForwardLength }: Model): string {
  const feedForward = feedForwardLength === null ? '' : `, feed-forward ${formatCount(feedForwardLength)}`;
  return `embedding ${formatCount(embeddingLength ?? 0)}${feedForward}`;
}

function vocabularyOf({ vocabularySize, tokenizerModel, preTokenizer }: Model): string {
  const size = vocabularySize === null ? 'of unknown size' : counted(vocabularySize, 'token');
  const kind = tokenizerModel === null ? 'no tokenizer stated' : `tokenizer ${visible(tokenizerModel)}`;
  const pre = preTokenizer === null ? '' : `, pre-tokenizer ${visible(preTokenizer)}`;
  return `${size}, ${kind}${pre}`;
}

function boundariesOf({ addBosToken, addEosToken, bosToken, eosToken }: Model): string {
  return [boundary('BOS', bosToken, addBosToken), boundary('EOS', eosToken, addEosToken)].join('; ');
}

function boundary(name: string, token: Model['bosToken'], added: boolean | null): string {
  const what =
    token === null ? `no ${name} stated` : `${name} ${visible(token.text ?? '')} (${token.id})`.replace('  ', ' ');
  const rule = added === null ? 'whether it is added is left to the loader' : added ? 'added' : 'not added';
  return `${what}, ${rule}`;
}

function templateOf({ chatTemplate }: Model): string {
  if (chatTemplate === null) return 'none: prompts go in as plain text';
  const others = chatTemplate.names.length === 0 ? '' : `; also ${chatTemplate.names.map(visible).join(', ')}`;
  return `${counted(chatTemplate.characters, 'character')}${others}`;
}

function imatrixOf({ imatrix }: Model): string {
  if (imatrix === null) return 'none recorded';
  const parts = [
    ...(imatrix.file === null ? [] : [visible(imatrix.file)]),
    ...(imatrix.dataset === null ? [] : [`from ${visible(imatrix.dataset)}`]),
    ...(imatrix.entries === null ? [] : [counted(imatrix.entries, 'entry').replace('entrys', 'entries')]),
    ...(imatrix.chunks === null ? [] : [counted(imatrix.chunks, 'chunk')]),
  ];
  return parts.join(', ');
}
