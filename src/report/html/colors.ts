/**
 * Colors of a drawing by what they say. A drawing is made with stand-ins, which the page's style sheet then gives
 * their colors, so that one drawing serves the light theme, the dark one and paper.
 */
export const COLORS = {
  text: '#0000a0',
  muted: '#0000a1',
  line: '#0000a2',
  surface: '#0000a3',
  accent: '#0000a4',
  bar: '#0000a5',
  weights: '#0000a6',
  cache: '#0000a7',
  compute: '#0000a8',
  limit: '#0000a9',
  ramp0: '#0000b0',
  ramp1: '#0000b1',
  ramp2: '#0000b2',
  ramp3: '#0000b3',
  ramp4: '#0000b4',
  ramp5: '#0000b5',
  ramp6: '#0000b6',
  ramp7: '#0000b7',
} as const;
export type Color = keyof typeof COLORS;

const NAMES = new Map<string, string>(Object.entries(COLORS).map(([name, stand]) => [stand, name]));

export function withThemeColors(svg: string): string {
  return svg.replaceAll(/#0000[ab]\d/g, (stand) => `var(--${NAMES.get(stand) ?? 'text'})`);
}

/** From most precise to least. */
const RAMP = [
  'ramp0',
  'ramp1',
  'ramp2',
  'ramp3',
  'ramp4',
  'ramp5',
  'ramp6',
  'ramp7',
] as const satisfies Color[];

/** The color of the nth of so many, from most precise to least, spread over the ramp. */
export function rampColor(index: number, count: number): Color {
  const place = count <= 1 ? 0 : Math.round((index / (count - 1)) * (RAMP.length - 1));
  return RAMP[place] ?? 'ramp0';
}

/** Bits of a tensor type as its name says them: `Q4_K` 4, `BF16` 16; 0 where it has none. */
export function bitsInName(type: string): number {
  return Number(/\d+/.exec(type)?.[0] ?? 0);
}

/** A color for each type, types of more bits first. */
export function typeColors(types: Iterable<string>): Map<string, Color> {
  const sorted = [...new Set(types)].sort((a, b) => bitsInName(b) - bitsInName(a) || (a < b ? -1 : 1));
  return new Map(sorted.map((type, index) => [type, rampColor(index, sorted.length)]));
}
