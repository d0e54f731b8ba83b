import { chatTemplate, modelFacts } from '../../gguf/facts.ts';
import type { GgufHeader } from '../../gguf/header.ts';
import { getArray, getNumber, getString } from '../../gguf/metadata.ts';
import { ropeFacts, unstretchedContext } from '../../gguf/rope.ts';
import { type SpecialId, specialTokens } from '../../gguf/special-tokens.ts';
import type { Inspection } from '../../schema/inspection.ts';

/** What a header says of the model: its shape, its tokenizer, and what it was made from. */
export function inspectModel(header: GgufHeader): Inspection['model'] {
  const facts = modelFacts(header);
  const template = chatTemplate(header);
  return {
    architecture: facts.architecture ?? null,
    name: facts.name ?? null,
    sizeLabel: facts.sizeLabel ?? null,
    license: facts.license ?? null,
    baseModels: [...facts.baseModels],
    parameters: facts.parameters,
    contextLength: figure(facts.contextLength),
    rope: ropeOf(header),
    embeddingLength: figure(facts.embeddingLength),
    feedForwardLength: figure(facts.feedForwardLength),
    layers: figure(facts.layers),
    heads: figure(facts.heads),
    kvHeads: figure(facts.kvHeads),
    keyLength: figure(facts.keyLength),
    valueLength: figure(facts.valueLength),
    experts: figure(facts.experts),
    expertsUsed: figure(facts.expertsUsed),
    slidingWindow: figure(facts.slidingWindow),
    vocabularySize: figure(facts.vocabularySize),
    tokenizerModel: facts.tokenizerModel ?? null,
    preTokenizer: facts.preTokenizer ?? null,
    addBosToken: facts.addBosToken ?? null,
    addEosToken: facts.addEosToken ?? null,
    bosToken: inspectToken(header, facts.bosTokenId),
    eosToken: inspectToken(header, facts.eosTokenId),
    specialTokens: inspectSpecialTokens(header),
    chatTemplate:
      template === undefined && facts.chatTemplateNames.length === 0
        ? null
        : { characters: template?.length ?? 0, names: [...facts.chatTemplateNames] },
    imatrix: facts.imatrix && {
      file: facts.imatrix.file ?? null,
      dataset: facts.imatrix.dataset ?? null,
      entries: figure(facts.imatrix.entries),
      chunks: figure(facts.imatrix.chunks),
    },
    shard: inspectShard(header),
  };
}

/** `split.no` counts from 0. */
function inspectShard(header: GgufHeader): Inspection['model']['shard'] {
  const [index = 0, of = 0] = [getNumber(header, 'split.no'), getNumber(header, 'split.count')];
  const isSound = Number.isSafeInteger(index) && Number.isSafeInteger(of) && index >= 0 && of > 1;
  return isSound ? { number: index + 1, of } : null;
}

/** What a file states need not be a number that JSON can hold. */
function figure(value: number | undefined): number | null {
  return value === undefined || !Number.isFinite(value) ? null : value;
}

function inspectToken(header: GgufHeader, id: number | undefined): Inspection['model']['bosToken'] {
  if (id === undefined || !Number.isSafeInteger(id) || id < 0) return null;
  const tokens = getArray(header, 'tokenizer.ggml.tokens');
  const text = tokens !== undefined && id < tokens.length ? tokens.at(id) : undefined;
  return { id, text: typeof text === 'string' ? text : null };
}

function inspectSpecialTokens(header: GgufHeader): Inspection['model']['specialTokens'] {
  const found = specialTokens(header);
  if (found === null) return null;
  const { bos, eos, eot, eom, addsBos, addsEos, endOfGeneration } = found;
  const named = (special: SpecialId | null) =>
    special === null
      ? null
      : { id: special.id, text: inspectToken(header, special.id)?.text ?? null, from: special.from };
  return {
    ...{ bos: named(bos), eos: named(eos), eot: named(eot), eom: named(eom), addsBos, addsEos },
    endOfGeneration: endOfGeneration.map(({ id, text }) => ({ id, text })),
  };
}

function ropeOf(header: GgufHeader): Inspection['model']['rope'] {
  const { scaling, factor, originalContextLength } = ropeFacts(header);
  const unstretched = unstretchedContext(header);
  const contextLength = getNumber(header, `${getString(header, 'general.architecture')}.context_length`);
  const isLonger = originalContextLength !== undefined && originalContextLength !== contextLength;
  if (scaling === undefined && unstretched === null && !isLonger) return null;
  return {
    scaling: scaling ?? null,
    factor: figure(factor),
    originalContextLength: figure(originalContextLength),
    unstretched,
  };
}
