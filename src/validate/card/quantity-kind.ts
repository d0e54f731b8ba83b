import type { ClaimKind } from '../../schema/terms.ts';
import type { Figure } from './figure.ts';
import { rolesIn } from './roles.ts';
import { sizeKind } from './size-kinds.ts';

const COMPARISON = /\b(?:than|vs|versus|compared|unlike|outperforms?|beats?|rivals?|like|similar to)\b/i;
/** What a user may set or ask of a model, not what it is. */
const SETTING =
  /recommend|default|tested|sliding|generat|\breply|response|answer|prompt|example|usage|setting|how to|-c\s*$|n_predict|max[_ ]tokens/i;

/** What a figure is of, or null where nothing says so: a guess would accuse an author. */
export function kindOf(figure: Figure): ClaimKind | null {
  const { statement, quantity, clause, before, after } = figure;
  const { label } = statement;
  const words = `${label} ${clause}`;
  const isCompared = COMPARISON.test(clause);
  switch (quantity.unit) {
    case 'bytes':
      return sizeKind(figure);
    case 'percent':
      return percentKind(words);
    case 'factor':
      if (/batter|drain|heat/i.test(words)) return null;
      if (/faster|speed|slower/i.test(words)) return 'speed-up';
      return /smaller|compress|reduc/i.test(words) ? 'size-factor' : null;
    case 'rate':
      return 'speed';
    case 'time':
      return /first token|ttft|latency|time to/i.test(words) && quantity.bound === null ? 'latency' : null;
    case 'bpw':
      return rolesIn(clause).length > 0 ? 'tensor-bits' : 'bits-per-weight';
    case 'bits':
      return bitsKind(figure, isCompared);
    case 'parameters':
      if (isCompared || /^\s*tokens/i.test(after) || /non-?embedding|\bactive/i.test(words)) return null;
      if (/param|weights/i.test(quantity.text)) return 'parameters';
      return isOfParameters(figure) ? 'parameters' : null;
    case 'tokens':
      return tokensKind(figure);
    case 'layers':
      if (
        /offload|gpu|ngl|\b(?:first|last|every|other|of(?: the)?|all)\s*$|half/i.test(`${before} ${clause}`)
      )
        return null;
      return isCompared ? null : 'layers';
    case 'heads':
    case 'kvHeads':
      if (isCompared) return null;
      return quantity.unit === 'kvHeads' || /^\s*for (?:kv|keys?)/i.test(after) ? 'kv-heads' : 'heads';
    case 'plain':
      return plainKind(figure);
  }
}

function percentKind(words: string): ClaimKind | null {
  if (/batter|heat|power|cpu|gpu/i.test(words)) return null;
  if (/accura|quality|loss|worse|perplexity|degrad/i.test(words)) return 'accuracy';
  const isOfSize = /reduc|smaller|compress|sav(?:es|ing|ed)|shrink|of (?:the |its )?original size/i.test(
    words,
  );
  return isOfSize && !/latency|time|cost|memory|ram\b|kv/i.test(words) ? 'size-reduction' : null;
}

function bitsKind(
  { statement, quantity, all, clause, before, after }: Figure,
  isCompared: boolean,
): ClaimKind | null {
  // 16 and 32 bits are what it was made from.
  if (quantity.high > 8 || isCompared || /\bfrom\s*$/i.test(before)) return null;
  if (/^[-\s]*(?:float|system|os\b|arm|cpu|kv|cache)/i.test(after)) return null;
  // A list of what there is.
  if (
    new Set(all.flatMap(({ unit, high }) => (unit === 'bits' && high <= 8 ? [high] : []))).size > 1 &&
    rolesIn(clause).length === 0
  )
    return null;
  if (statement.row === '' && /\b(?:also|other|available|variants?|versions?)\b/i.test(clause)) return null;
  return rolesIn(clause).length > 0 || rolesIn(statement.label).length > 0 ? 'tensor-bits' : 'weight-bits';
}

function isOfParameters({ statement: { label, kind }, after, before }: Figure): boolean {
  if (kind === 'title' || /param|model|\bsize\b/i.test(label)) return true;
  return (
    /^\s*(?:model|param|(?:\w+ )?language model)/i.test(after) ||
    /parameters?\s*(?:of|:|is)?\s*$/i.test(before)
  );
}

function tokensKind({
  statement,
  quantity,
  sentence,
  clause,
  part,
  before,
  after,
  all,
}: Figure): ClaimKind | null {
  const { label, headings } = statement;
  const words = `${label} ${clause}`;
  if (/vocab/i.test(`${label} ${part}`)) return 'vocabulary';
  // Beside a size or a speed a number of tokens is their condition.
  if (all.some(({ unit }) => unit === 'bytes' || unit === 'rate')) return null;
  if (!/context|ctx/i.test(label) && /\b(?:kv|cache|speed|memory|ram)\b/i.test(sentence)) return null;
  if (quantity.bound !== null && !/^up to/i.test(quantity.text)) return null;
  if (SETTING.test(`${label} ${part} ${before} ${headings.at(-1) ?? ''}`)) return null;
  if (/context|\bctx\b|sequence length|token limit|max(?:imum)? tokens/i.test(words)) return 'context-length';
  return /^\s*context/i.test(after) ? 'context-length' : null;
}

/** Names of figures that cards give without a unit, as a label or right before the figure. */
const PLAIN: readonly (readonly [RegExp, ClaimKind])[] = [
  [
    /(?:^|\b)(?:n[_ ]|num(?:ber of)?[_ ])?(?:hidden[_ ]|transformer |decoder )?layers$|^(?:n[_ ]|num(?:ber of)?[_ ])?(?:blocks|block[_ ]count)$|\.block_count$/i,
    'layers',
  ],
  [/(?:kv|key[-/ ]value)[-_ ]heads$|head_count_kv$|num_key_value_heads$/i, 'kv-heads'],
  [/(?:^|(?:attention|number of|query|num)[-_ ])heads$|head_count$|attention[-_ ]heads$/i, 'heads'],
  [/\bhead[-_ ](?:dim(?:ension)?|size|length)$/i, 'head-length'],
  [
    /(?:hidden|embedding|model|embed)[-_ ](?:size|length|dim(?:ension)?s?|width)$|d_model$|n_embd$/i,
    'embedding-length',
  ],
  [/(?:feed[-_ ]?forward|intermediate|ffn|mlp)[-_ ](?:size|length|dim(?:ension)?)$/i, 'feed-forward-length'],
  [/vocab(?:ulary)?(?:[-_ ]size)?$/i, 'vocabulary'],
  [/(?:^|number of )(?:n[_ ])?param(?:eter)?s?(?: count)?$/i, 'parameters'],
  [/^(?:number of |num_|n_)?experts$|expert_count$/i, 'experts'],
  [/^bits$/i, 'weight-bits'],
  [/^(?:bpw|bits per weight)$/i, 'bits-per-weight'],
  [/\b(?:perplexity|ppl)$/i, 'perplexity'],
  [/\b(?:kld|kl[- ]divergence)$/i, 'divergence'],
  [
    /(?:^|\b)(?:max(?:imum)? )?context(?:[-_ ](?:length|window|size))?$|context_length$|max_position_embeddings$|^ctx$/i,
    'context-length',
  ],
];

function plainKind({ statement, quantity, before, after }: Figure): ClaimKind | null {
  const { label, row, head, headings, kind } = statement;
  if (quantity.bound !== null) return null;
  if (row !== '' && rolesIn(head).length > 0) return /^bits|bpw/i.test(label) ? 'tensor-bits' : null;
  // `heads: 14 for Q and 2 for KV`
  if (/heads/i.test(label) && /^\s*for kv/i.test(after)) return 'kv-heads';
  // `context length of 4096`; a label's figure comes first.
  const named = quantity.start === 0 ? label : before;
  const name = named
    .replace(/\s*[([][^)\]]*[)\]]?\s*$/, '')
    .replace(/\s*(?:\b(?:of|is|was|at)\b|[:=~≈])?\s*$/i, '');
  const found = PLAIN.find(([pattern]) => pattern.test(name.trim()))?.[1] ?? null;
  if (found === null || kind === 'title' || SETTING.test(`${label} ${headings.at(-1) ?? ''}`)) return null;
  return found;
}
