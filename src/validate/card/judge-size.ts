import { fileTypeByLabel } from '../../gguf/file-types.ts';
import { bitsPerWeightOf, layoutOf, type TensorType } from '../../gguf/tensor-types.ts';
import type { ClaimBasis } from '../../schema/terms.ts';
import { formatCount } from '../../util/units.ts';
import type { Claim } from './claim.ts';
import type { CardFacts } from './facts.ts';
import { intervalsOf, type Quantity, readingThatHolds, sizeThatHolds } from './quantity.ts';
import { type Judgement, judged, notCheckable } from './verdict.ts';

/** Bytes in both of a card's units: `2.34 GB (2.18 GiB)`. */
export function bothUnits(bytes: number): string {
  if (bytes >= 1e9) return `${(bytes / 1e9).toFixed(2)} GB (${(bytes / 2 ** 30).toFixed(2)} GiB)`;
  if (bytes < 1000) return `${bytes} bytes`;
  if (bytes < 1e6) return `${(bytes / 1e3).toFixed(1)} KB (${(bytes / 2 ** 10).toFixed(1)} KiB)`;
  return `${(bytes / 1e6).toFixed(1)} MB (${(bytes / 2 ** 20).toFixed(1)} MiB)`;
}

/** A size is true in decimal units, in binary ones or in neither; which it is, is said. */
function judgeBytes(quantity: Quantity, bytes: number, basis: ClaimBasis, evidence: string): Judgement {
  const held = sizeThatHolds(quantity, bytes);
  const asIf = held !== undefined && quantity.readings.length > 1 ? `, in ${held.reading.name}` : '';
  return judged(held !== undefined, bothUnits(bytes), basis, evidence + asIf);
}

export function judgeFileSize(claim: Claim, quantity: Quantity, facts: CardFacts): Judgement {
  const { subject } = claim;
  if (subject.kind === 'variant') return judgeVariantSize(quantity, subject.label, facts);
  const whole = judgeBytes(
    quantity,
    facts.fileBytes,
    'read',
    `the file has ${formatCount(facts.fileBytes)} bytes`,
  );
  if (whole.verdict === 'true') return whole;
  const { tensorBytes } = facts.quantization;
  const weights = judgeBytes(
    quantity,
    tensorBytes,
    'read',
    `the tensors have ${formatCount(tensorBytes)} bytes`,
  );
  return weights.verdict === 'true' ? weights : whole;
}

/** Size of another quantization: measured where results have it, else by what its recipe can come to. */
function judgeVariantSize(quantity: Quantity, label: string, facts: CardFacts): Judgement {
  const same = facts.measured.find(
    (each) =>
      each.label === label && (each.parameters === null || each.parameters === facts.model.parameters),
  );
  if (same !== undefined) {
    const evidence = `the results' ${label} has ${formatCount(same.fileBytes)} bytes`;
    return judgeBytes(quantity, same.fileBytes, 'measured', evidence);
  }
  const range = recipeBytes(label, facts);
  if (range === null)
    return notCheckable(`the file does not tell how large a ${label} of it is: give --results`);
  const { low, high, type } = range;
  const rule = `every matrix in ${type} at ${bitsPerWeightOf(type)} bits a weight`;
  if (low === high) return judgeBytes(quantity, low, 'estimated', `${rule}, vectors in F32`);
  const actual = `${bothUnits(low)} to ${bothUnits(high)}`;
  const intervals = intervalsOf(quantity);
  if (intervals.every((interval) => interval.high < low)) {
    return judged(false, `at least ${bothUnits(low)}`, 'estimated', `${rule} is the least ${label} can be`);
  }
  if (intervals.every((interval) => interval.low > high)) {
    return judged(
      false,
      `at most ${bothUnits(high)}`,
      'estimated',
      `${label} mixes ${type} with larger types`,
    );
  }
  return notCheckable(
    `within what a ${label} can come to; --results with that variant would tell`,
    actual,
    'estimated',
  );
}

/** Recipes with one type for every matrix. All others mix the base type with larger ones, by llama.cpp's version. */
const PURE: ReadonlySet<TensorType> = new Set(['F32', 'F16', 'BF16', 'Q8_0', 'Q6_K']);
/** No recipe of a K type averages as much as the type two steps above its base. */
const LADDER: readonly TensorType[] = ['Q2_K', 'Q3_K', 'Q4_K', 'Q5_K', 'Q6_K', 'Q8_0', 'F16'];

function recipeBytes(
  label: string,
  { header, fileBytes, quantization }: CardFacts,
): { readonly low: number; readonly high: number; readonly type: TensorType } | null {
  const type = (fileTypeByLabel(label) ?? fileTypeByLabel(`${label}_M`))?.baseType;
  if (type === undefined) return null;
  const headerBytes = fileBytes - quantization.tensorBytes;
  const ofType = (each: TensorType): number =>
    headerBytes +
    header.tensors.reduce(
      (sum, { shape, elements }) => sum + (elements * (shape.length < 2 ? 32 : bitsPerWeightOf(each))) / 8,
      0,
    );
  const fillsBlocks = header.tensors.every(
    ({ shape }) => shape.length < 2 || (shape[0] ?? 0) % layoutOf(type).blockElements === 0,
  );
  if (!fillsBlocks) return null;
  if (PURE.has(type)) return { low: ofType(type), high: ofType(type), type };
  const above = LADDER[LADDER.indexOf(type) + 2];
  return LADDER.includes(type) && above !== undefined
    ? { low: ofType(type), high: ofType(above), type }
    : null;
}

/** What the weights would take as floats: a formula, since the original is not at hand. */
export function floatBytes({ header, fileBytes, quantization }: CardFacts, bits: 16 | 32): number {
  const matrices = header.tensors.reduce(
    (sum, { shape, elements }) => sum + (elements * (shape.length < 2 ? 32 : bits)) / 8,
    0,
  );
  return matrices + fileBytes - quantization.tensorBytes;
}

export function judgeOriginalSize({ near }: Claim, quantity: Quantity, facts: CardFacts): Judgement {
  const bits = /\b(?:fp?32|float32|32-bit)\b/i.test(near) ? 32 : 16;
  const parameters = formatCount(facts.model.parameters);
  return judgeBytes(
    quantity,
    floatBytes(facts, bits),
    'estimated',
    `${parameters} parameters of ${bits} bits`,
  );
}

/** A reduction is against 16-bit floats unless only 32-bit ones make it true. */
export function judgeReduction({ words }: Claim, quantity: Quantity, facts: CardFacts): Judgement {
  return againstFloats(
    facts,
    (bits) => {
      const share = 1 - facts.fileBytes / floatBytes(facts, bits);
      return {
        value: /\bof (?:the |its )?original/i.test(words) ? 100 * (1 - share) : 100 * share,
        unit: ' %',
      };
    },
    quantity,
  );
}

export function judgeFactor(_claim: Claim, quantity: Quantity, facts: CardFacts): Judgement {
  return againstFloats(
    facts,
    (bits) => ({ value: floatBytes(facts, bits) / facts.fileBytes, unit: 'x' }),
    quantity,
  );
}

function againstFloats(
  facts: CardFacts,
  figure: (bits: 16 | 32) => { readonly value: number; readonly unit: string },
  quantity: Quantity,
): Judgement {
  const judge = (bits: 16 | 32): Judgement => {
    const { value, unit } = figure(bits);
    const original = bothUnits(floatBytes(facts, bits));
    const holds = readingThatHolds(quantity, value) !== undefined;
    // A common slip: the small file in GiB, the large one in GB.
    const mixed = 100 * (1 - facts.fileBytes / 2 ** 30 / (floatBytes(facts, bits) / 1e9));
    const isMixed = !holds && unit === ' %' && readingThatHolds(quantity, mixed) !== undefined;
    return judged(
      holds,
      `${value.toFixed(1)}${unit}`,
      'estimated',
      `${bothUnits(facts.fileBytes)} of ${original} as F${bits}${isMixed ? '; GiB were divided by GB' : ''}`,
    );
  };
  const [half, full] = [judge(16), judge(32)];
  return half.verdict === 'false' && full.verdict === 'true' ? full : half;
}
