import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

interface Row {
  readonly variant: string;
  readonly figure: string;
  readonly got: string;
  readonly agrees: boolean;
}
type Figures = Record<string, Record<string, unknown>>;

const scriptUrl = (name: string) => new URL(`../../scripts/arm64/${name}`, import.meta.url);
const { agreement }: { agreement: (expected: Figures, got: Figures) => Row[] } = await import(
  scriptUrl('agreement.js').href
);

/** Measured on x64: what an ARM64 machine is held to. */
const x64: Figures = JSON.parse(readFileSync(scriptUrl('x64-figures.json'), 'utf8'));

/** The figures of x64 but for one. */
function but(variant: string, figure: string, value: unknown): Figures {
  return { ...x64, [variant]: { ...x64[variant], [figure]: value } };
}

function differing(got: Figures): string[] {
  return agreement(x64, got)
    .filter(({ agrees }) => !agrees)
    .map(({ variant, figure, got: shown }) => `${variant} ${figure}: ${shown}`);
}

function numberOf(variant: string, figure: string): number {
  const value = x64[variant]?.[figure];
  if (typeof value !== 'number') throw new Error(`${variant} has no ${figure}`);
  return value;
}

describe('what the program says on ARM64, held against x64', () => {
  it('is every figure of the whole family', () => {
    const rows = agreement(x64, x64);
    expect(rows.every(({ agrees }) => agrees)).toBe(true);
    const figures = ['inspection', 'verdict', 'reply', 'perplexity', 'meanKld'];
    expect(new Set(rows.map(({ variant, figure }) => `${variant} ${figure}`))).toEqual(
      new Set([
        ...['F16', 'Q8_0', 'Q4_K_M', 'Q2_K'].flatMap((variant) =>
          figures.map((figure) => `${variant} ${figure}`),
        ),
        'Q4_K_M tokens',
      ]),
    );
  });

  it('may change perplexity by 0.5 % and divergence by 5 %', () => {
    const perplexity = numberOf('Q8_0', 'perplexity');
    expect(differing(but('Q8_0', 'perplexity', perplexity * 1.0049))).toEqual([]);
    expect(differing(but('Q8_0', 'perplexity', perplexity * 0.9949))).toHaveLength(1);
    const kld = numberOf('Q2_K', 'meanKld');
    expect(differing(but('Q2_K', 'meanKld', kld * 0.951))).toEqual([]);
    expect(differing(but('Q2_K', 'meanKld', kld * 1.051))).toHaveLength(1);
  });

  it('has the same tokens, rules and bytes to the last', () => {
    const tokens = x64['Q4_K_M']?.['tokens'];
    if (!Array.isArray(tokens)) throw new Error('Q4_K_M has no tokens');
    expect(differing(but('Q4_K_M', 'tokens', [...tokens.slice(0, -1), 0]))).toHaveLength(1);
    expect(differing(but('F16', 'reply', false))).toEqual(['F16 reply: another']);
    expect(differing(but('F16', 'verdict', ['broken', 'error tensor/offset']))).toHaveLength(1);
    expect(differing(but('F16', 'inspection', 'a'.repeat(64)))).toEqual(['F16 inspection: aaaaaaaaaaaa']);
  });

  it('shows why a command has no figures, and does not pass without them', () => {
    const failed = 'compare nano ended with SIGSEGV';
    expect(differing(but('Q2_K', 'meanKld', { failed }))).toEqual([`Q2_K meanKld: failed: ${failed}`]);
    expect(differing(but('Q2_K', 'meanKld', undefined))).toEqual(['Q2_K meanKld: not measured']);
    expect(agreement(but('Q2_K', 'meanKld', { failed }), x64).filter(({ agrees }) => !agrees)).toHaveLength(
      1,
    );
  });
});
