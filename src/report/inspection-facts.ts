import type { Inspection } from '../schema/inspection.ts';
import { counted, formatBytes, formatCount } from '../util/units.ts';
import { firstOf, note } from './inspection-layout.ts';
import { brief } from './inspection-text.ts';
import { tokenFacts } from './inspection-tokens.ts';
import { factTable } from './table.ts';
import { type TextLayout, tableText } from './table-text.ts';
import { wrap } from './text-width.ts';

type Model = Inspection['model'];
type Fact = readonly [label: string, value: string];

/** The title: what the model calls itself, and the file. */
export function inspectionTitle(inspection: Inspection, layout: TextLayout): string[] {
  const { model, identity, ref, bytes, header, shards, source } = inspection;
  const name = brief(
    model.name ?? (identity.use === null ? 'A model without a name' : capital(identity.what)),
  );
  const parts = shards.length === 0 ? '' : ` in ${counted(shards.length, 'shard')}`;
  const file = `${brief(ref)}, ${formatBytes(bytes)} (${formatCount(bytes)} bytes)${parts}, GGUF version ${header.version}`;
  return [
    ...wrap(name, layout.width).map((line) => layout.style.bold(line)),
    ...note(file, layout),
    ...(source.hub === null ? [] : note(originOf(source.hub, source.kind), layout).map(layout.style.dim)),
  ];
}

const SHORT_COMMIT = 12;

function originOf(hub: NonNullable<Inspection['source']['hub']>, kind: 'file' | 'url'): string {
  const commit = brief(hub.commit.slice(0, SHORT_COMMIT));
  const place = kind === 'url' ? 'not downloaded' : 'from the cache';
  return `${brief(hub.file)} of ${brief(hub.repo)} at commit ${commit}, ${place}`;
}

/** Metadata stand in the first shard: the others have none but their place in the set. */
function isLaterShard({ shard, architecture }: Model): boolean {
  return shard !== null && shard.number > 1 && architecture === null;
}

/** The facts a developer looks for first; one that the file does not state is said to be missing only if it matters. */
export function keyFacts({ model, identity }: Inspection, layout: TextLayout): string[] {
  const isModel = identity.use === null || identity.kind === 'vocabulary' || identity.kind === 'ollama';
  const facts = isLaterShard(model) ? shardFacts(model) : isModel ? modelFacts(model) : otherFacts(model);
  const kind: Fact[] = identity.kind === 'model' ? [] : [['kind', capital(identity.what)]];
  const use: Fact[] = identity.use === null ? [] : [['use', brief(identity.use)]];
  const title = isModel ? 'Model' : 'File';
  return [layout.style.bold(title), ...tableText(factTable([...kind, ...use, ...facts]), layout)];
}

/** Of files that stand beside a model: they have no vocabulary and no chat. */
function otherFacts(model: Model): Fact[] {
  return [
    ['holds', `${formatCount(model.parameters)} values`],
    ['license', brief(model.license ?? 'not stated')],
    ['made from', model.baseModels.length === 0 ? 'not stated' : listed(model.baseModels)],
  ];
}

function capital(text: string): string {
  return brief(text.charAt(0).toUpperCase() + text.slice(1));
}

function shardFacts({ shard, parameters }: Model): Fact[] {
  const place = shard === null ? '' : `${shard.number} of ${shard.of}`;
  return [
    ['shard', `${place}; what the model is stands in the first: name that one to see all`],
    ['holds', `${formatCount(parameters)} parameters`],
  ];
}

function modelFacts(model: Model): Fact[] {
  return [
    ['architecture', architectureOf(model)],
    ...(model.contextLength === null ? [] : [['context', contextOf(model)] as const]),
    ...(model.rope === null ? [] : [['rope', ropeText(model.rope)] as const]),
    ...(model.heads === null ? [] : [['attention', attentionOf(model)] as const]),
    ...(model.embeddingLength === null ? [] : [['width', widthOf(model)] as const]),
    ...(model.experts
      ? [['experts', `${model.experts}, ${model.expertsUsed ?? 'some'} used for a token`] as const]
      : []),
    ['vocabulary', vocabularyOf(model)],
    ...tokenFacts(model),
    ['chat template', templateOf(model)],
    ['license', brief(model.license ?? 'not stated')],
    ['imatrix', imatrixOf(model)],
    ['made from', model.baseModels.length === 0 ? 'not stated' : listed(model.baseModels)],
    ...(model.shard === null
      ? []
      : [
          ['shard', `${model.shard.number} of ${model.shard.of}: the figures are this file's alone`] as const,
        ]),
  ];
}

function architectureOf({ architecture, layers, parameters, sizeLabel }: Model): string {
  const parts = [brief(architecture ?? 'not stated')];
  if (layers !== null) parts.push(counted(layers, 'layer'));
  parts.push(`${formatCount(parameters)} parameters${sizeLabel === null ? '' : ` (${brief(sizeLabel)})`}`);
  return parts.join(', ');
}

function contextOf({ contextLength, slidingWindow, architecture }: Model): string {
  const context = `${formatCount(contextLength ?? 0)} tokens`;
  if (!slidingWindow) return context;
  const window = `a window of ${formatCount(slidingWindow)} is stated`;
  // models/phi3.cpp of llama.cpp: "Phi SWA is currently disabled".
  return `${context}; ${window}${architecture === 'phi3' ? ', which llama.cpp does not use for Phi' : ''}`;
}

function ropeText({
  scaling,
  factor,
  originalContextLength,
  unstretched,
}: NonNullable<Model['rope']>): string {
  const by = factor === null ? '' : ` by ${short(factor)}`;
  const from = originalContextLength === null ? '' : ` from ${formatCount(originalContextLength)} tokens`;
  const factors =
    unstretched === null
      ? ''
      : `; all positions of a context up to ${formatCount(unstretched)} get the short factors, of a larger one the long`;
  return `${scaling === null ? 'stretched' : brief(scaling)}${by}${from}${factors}`;
}

function attentionOf({ heads, kvHeads, keyLength }: Model): string {
  const all = `${counted(heads ?? 0, 'head')}${keyLength === null ? '' : ` of ${short(keyLength)}`}`;
  if (kvHeads === null || heads === null) return all;
  const rule =
    kvHeads < heads
      ? `${kvHeads} for keys and values (grouped-query attention, ${short(heads / kvHeads)} to 1)`
      : 'each with its own keys and values (no grouped-query attention)';
  return `${all}, ${rule}`;
}

function widthOf({ embeddingLength, feedForwardLength }: Model): string {
  const feedForward = feedForwardLength === null ? '' : `, feed-forward ${formatCount(feedForwardLength)}`;
  return `embedding ${formatCount(embeddingLength ?? 0)}${feedForward}`;
}

/** What llama.cpp means by the names of its tokenizers (LLAMA_VOCAB_TYPE, llama.h). */
const TOKENIZERS: ReadonlyMap<string, string> = new Map([
  ['llama', 'SentencePiece'],
  ['gpt2', 'byte-pair encoding'],
  ['bert', 'WordPiece'],
  ['t5', 'Unigram'],
]);

function vocabularyOf({ vocabularySize, tokenizerModel, preTokenizer }: Model): string {
  const size = vocabularySize === null ? 'of unknown size' : counted(vocabularySize, 'token');
  if (tokenizerModel === null) return `${size}, no tokenizer stated`;
  const known = TOKENIZERS.get(tokenizerModel);
  const kind = `tokenizer ${brief(tokenizerModel)}${known === undefined ? '' : ` (${known})`}`;
  return `${size}, ${kind}${preTokenizer === null ? '' : `, pre-tokenizer ${brief(preTokenizer)}`}`;
}

function templateOf({ chatTemplate }: Model): string {
  if (chatTemplate === null) return 'none: prompts go in as plain text';
  const { characters, names } = chatTemplate;
  return `${counted(characters, 'character')}${names.length === 0 ? '' : `; also ${listed(names)}`}`;
}

const MOST_LISTED = 6;

function listed(texts: readonly string[]): string {
  return firstOf(texts.map(brief), MOST_LISTED).join(', ');
}

/** At most two decimals: what a file states need not be a whole number. */
function short(value: number): string {
  return String(Number(value.toFixed(2)));
}

function imatrixOf({ imatrix }: Model): string {
  if (imatrix === null) return 'none recorded';
  const parts = [
    ...(imatrix.file === null ? [] : [brief(imatrix.file)]),
    ...(imatrix.dataset === null ? [] : [`from ${brief(imatrix.dataset)}`]),
    ...(imatrix.entries === null ? [] : [`${formatCount(imatrix.entries)} tensors`]),
    ...(imatrix.chunks === null ? [] : [counted(imatrix.chunks, 'chunk')]),
  ];
  return parts.join(', ');
}
