import type { Claim } from './claim.ts';
import type { CardFacts } from './facts.ts';
import { bare } from './subject.ts';
import { type Judgement, judged, notCheckable } from './verdict.ts';

/** Names of model families and the architectures their files have; a name alone proves nothing else. */
const FAMILIES: readonly { readonly words: RegExp; readonly architectures: RegExp }[] = [
  { words: /\bphi[-\s]?[34]\b/i, architectures: /^phi(?:3|moe)$/ },
  { words: /\bphi[-\s]?[12]\b/i, architectures: /^phi2$/ },
  { words: /\bgemma/i, architectures: /^gemma/ },
  { words: /\bqwen/i, architectures: /^qwen/ },
  { words: /\bllama[-\s]?[123](?:\.\d)?\b/i, architectures: /^(?:llama|deci)$/ },
  { words: /\bfalcon/i, architectures: /^(?:falcon|llama)/ },
  { words: /\bmistral/i, architectures: /^(?:llama|mistral)/ },
];

export function judgeName({ kind, says }: Claim, { model, fileName, header }: CardFacts): Judgement {
  const names = [model.name, ...model.baseModels, ...ownStrings(header.metadata), fileName].filter(
    (name) => name !== undefined,
  );
  const architecture = model.architecture ?? 'unknown';
  const wrong = FAMILIES.find(
    ({ words, architectures }) => words.test(says) && !architectures.test(architecture),
  );
  if (wrong !== undefined) {
    return judged(false, architecture, 'read', 'general.architecture');
  }
  const words = says.match(/[\w.]+(?:-[\w.]+)*/g)?.map(bare) ?? [];
  const named = names.find((name) =>
    words.some((word) => word.length >= 4 && /\d/.test(word) && bare(name).includes(word)),
  );
  if (named !== undefined) return judged(true, named, 'read', 'a name in the file, or of it');
  const what = kind === 'base-model' ? 'what it was made from' : 'that name';
  return notCheckable(
    `the file does not say ${what}`,
    model.name ?? null,
    model.name === undefined ? null : 'read',
  );
}

function ownStrings(metadata: CardFacts['header']['metadata']): string[] {
  return ['general.basename', 'general.base_model.0.name', 'general.source.url'].flatMap((key) => {
    const value = metadata.get(key);
    return value?.type === 'string' ? [value.value] : [];
  });
}

export function judgeArchitecture({ says }: Claim, { model }: CardFacts): Judgement {
  const { architecture } = model;
  if (architecture === undefined) return notCheckable('the file has no general.architecture');
  const read = (holds: boolean) => judged(holds, architecture, 'read', 'general.architecture');
  const [own, claimed] = [bare(architecture), bare(says)];
  if (claimed.includes(own)) return read(true);
  const family = FAMILIES.find(({ words }) => words.test(says));
  if (family !== undefined) return read(family.architectures.test(architecture));
  // `Transformer` is true of all of them; only a bare identifier can be another one.
  return /^[a-z]+\d*$/.test(says.trim()) && !/transformer|decoder/i.test(says)
    ? read(false)
    : notCheckable('not a name that files have for architectures', architecture, 'read');
}

export function judgeQuantization({ says }: Claim, { quantization }: CardFacts): Judgement {
  const { label, source, agrees, reason } = quantization.label;
  if (source === 'tensors')
    return notCheckable('the file does not name its recipe', `most weights are ${label}`, 'read');
  const evidence = reason === undefined ? `${source}; the tensors bear it out` : `${source}, but ${reason}`;
  // Q4_K is short for Q4_K_M.
  const isSame = says === label || `${says}_M` === label;
  return judged(isSame && agrees, label, 'read', evidence);
}

export function judgeFormat({ says }: Claim, { ggufVersion }: CardFacts): Judgement {
  const version = Number(/\bv(?:ersion)?\s*(\d)\b/i.exec(says)?.[1] ?? ggufVersion);
  return judged(
    /\bgguf\b/i.test(says) && version === ggufVersion,
    `GGUF version ${ggufVersion}`,
    'read',
    'magic and version of the header',
  );
}

const LICENCES = /^(?:mit|apache20|apachev20|gemma|llama\w*|cc\w+|gpl\w*|bsd\w*|openrail\w*|other|unknown)$/;

export function judgeLicence({ says }: Claim, { model }: CardFacts): Judgement {
  if (model.license === undefined) return notCheckable('the file has no general.license');
  const plain = (text: string): string => bare(text.replace(/\blicen[cs]e\b|\bversion\b|\bthe\b/gi, ''));
  const [own, claimed] = [plain(model.license), plain(says)];
  const { license } = model;
  const read = (holds: boolean) => judged(holds, license, 'read', 'general.license');
  if (claimed !== '' && (own.includes(claimed) || claimed.includes(own))) return read(true);
  return LICENCES.test(own) && LICENCES.test(claimed)
    ? read(false)
    : notCheckable('the two names may be of one licence', model.license, 'read');
}

export function judgeQuantizedBy({ says }: Claim, { header }: CardFacts): Judgement {
  const value = header.metadata.get('general.quantized_by');
  if (value?.type !== 'string') return notCheckable('the file has no general.quantized_by');
  return judged(bare(value.value) === bare(says), value.value, 'read', 'general.quantized_by');
}

export function judgeImatrix(_: Claim, { model }: CardFacts): Judgement {
  const { imatrix } = model;
  if (imatrix === null) return notCheckable('the file records none, and need not');
  const actual = imatrix.dataset ?? imatrix.file ?? 'recorded';
  return judged(true, actual, 'read', 'quantize.imatrix.*');
}
