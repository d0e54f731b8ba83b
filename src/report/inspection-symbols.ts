import type { Style } from './style.ts';

interface TypeUse {
  readonly byType: readonly { readonly type: string; readonly bytes: number; readonly parameters: number }[];
}

/** One character for each tensor type of a file, so that a grid of types is readable without color. */
export interface TypeSymbols {
  /** The types in use, most bits first. */
  readonly types: readonly string[];
  readonly of: (type: string) => string;
  readonly typeOf: (symbol: string) => string | undefined;
  /** Bits a weight takes. */
  readonly bitsOf: (type: string) => number;
}

/** Floats have letters: their digits would be two. */
const LETTERS: Readonly<Record<string, string>> = { F64: 'D', F32: 'F', F16: 'H', BF16: 'B' };
/** For the second and later types of the same whole number of bits. */
const SPARE = 'abcdefghijklmnopqrstuvwxyz';
const UNKNOWN = '?';

/**
 * Symbols for the types of some tensors: the whole bits of a weight (`4` for Q4_K), a letter where two types
 * share them or a float has more than nine. The type with more bytes gets the digit.
 */
export function symbolsOf(uses: readonly TypeUse[]): TypeSymbols {
  const totals = new Map<string, { bytes: number; parameters: number }>();
  for (const { byType } of uses) {
    for (const { type, bytes, parameters } of byType) {
      const total = totals.get(type) ?? { bytes: 0, parameters: 0 };
      totals.set(type, { bytes: total.bytes + bytes, parameters: total.parameters + parameters });
    }
  }
  const bitsOf = (type: string) => {
    const { bytes, parameters } = totals.get(type) ?? { bytes: 0, parameters: 0 };
    return parameters === 0 ? 0 : (8 * bytes) / parameters;
  };
  const symbols = new Map<string, string>();
  const taken = new Map<string, string>();
  const byBytes = [...totals].sort(([, one], [, other]) => other.bytes - one.bytes);
  for (const [type] of byBytes) {
    const digit = String(Math.floor(bitsOf(type)));
    const own = LETTERS[type] ?? (digit.length === 1 ? digit : undefined);
    const symbol = [own, ...SPARE].find((each) => each !== undefined && !taken.has(each)) ?? UNKNOWN;
    symbols.set(type, symbol);
    taken.set(symbol, type);
  }
  return {
    types: [...totals.keys()].sort((one, other) => bitsOf(other) - bitsOf(one)),
    of: (type) => symbols.get(type) ?? UNKNOWN,
    typeOf: (symbol) => taken.get(symbol),
    bitsOf,
  };
}

/** From the fewest bits to the most: red, yellow, green, cyan, bold. */
export function paintOf(bits: number, style: Style): (text: string) => string {
  if (bits < 3) return style.bad;
  if (bits < 4) return style.warn;
  if (bits < 5) return style.good;
  return bits < 8 ? style.accent : style.bold;
}
