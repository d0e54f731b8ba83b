import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { renderComparison } from '../../src/report/comparison.ts';
import type { Style } from '../../src/report/style.ts';
import { displayWidth } from '../../src/report/text-width.ts';
import { isAvailable, notAskedFor, unavailableBecause } from '../../src/schema/availability.ts';
import { type Results, resultsSchema } from '../../src/schema/results.ts';
import { buildResults, buildVariant, failedVariant, nanoResults, nanoVariant } from '../helpers/results.ts';
import { arbitraryResults, plainText } from './arbitrary-results.ts';

const paint = (code: number) => (text: string) => `\u001B[${code}m${text}\u001B[0m`;
const colourful: Style = {
  bold: paint(1),
  dim: paint(2),
  good: paint(32),
  bad: paint(31),
  warn: paint(33),
  accent: paint(36),
};
// biome-ignore lint/suspicious/noControlCharactersInRegex: finding control characters is its purpose.
const ESCAPES = /\u001B\[\d+m/g;

const unwrapped = (text: string) => text.replaceAll(/\s+/g, ' ');
const rowOf = (table: string, name: string) =>
  table.split('\n').filter((line) => line.slice(2).startsWith(`${name} `));

describe('the comparison of the nano family', () => {
  const table = renderComparison(nanoResults());

  it('stands on valid results', () => {
    expect(() => resultsSchema.parse(nanoResults())).not.toThrow();
  });

  it('says the model once, at the top', () => {
    expect(table.split('\n')[0]).toBe('Nano Phi-3 (phi3, 4,199,168 parameters)');
  });

  it('shows what each variant costs, one unit a column, points under points', () => {
    expect(table).toContain(`\
Cost       size   bits/     load ms   prompt t/s   gen. t/s    gen. t/s    first   peak
            MiB  weight  cold  warm        pp512      tg128  tg128@d512  tok. ms    MiB
  F16 ref  8.05   16.01    70    27  38412 ± 461  1874 ± 39   1612 ± 17      3.1  152.1
  Q8_0     4.30    8.51    66    25  41088 ± 493* 2362 ± 50*  2031 ± 21      3.1  148.3
> Q4_K_M   2.58    5.09    64    24  36950 ± 443  2417 ± 51*  2079 ± 22*     3.1  146.6
  Q2_K     1.72*   3.37    63    23  30205 ± 362  2288 ± 48   1968 ± 21      3.1  145.7*
`);
  });

  it("shows what each variant loses, with llama-perplexity's figures", () => {
    expect(table).toContain(`\
Accuracy      perplexity           mean KLD  p99 KLD       same top         tasks  flips
                                       nats     nats              %     % correct      n     p
  F16 ref  6.681 ± 0.262* 0.00000 ± 0.00000   0.0000  100.00 ± 0.00  89.8 (86-93)      0  1.00
  Q8_0     6.680 ± 0.262* 0.00042 ± 0.00003*  0.0058*  98.47 ± 0.14* 90.1 (86-93)      1* 1.00
> Q4_K_M   6.713 ± 0.264  0.01265 ± 0.00093   0.1930   94.50 ± 0.27  89.8 (86-93)      6  1.00
  Q2_K     7.019 ± 0.274  0.14449 ± 0.00604   2.3806   85.90 ± 0.41  91.0 (87-94)     22  0.52
`);
  });

  it('shows what the weights are made of', () => {
    expect(table).toContain(`\
Weights     F16  Q8_0  Q4_K  Q6_K  Q3_K  Q2_K   F32
            MiB   MiB   MiB   MiB   MiB   MiB   MiB
  F16 ref  8.00                                0.01
  Q8_0           4.25                          0.01
> Q4_K_M               1.62  0.92              0.01
  Q2_K                       0.31  0.75  0.62  0.01
`);
  });

  it('explains its marks, recommends, and says how it was measured', () => {
    expect(table).toContain('> recommended; * best, or within the error of the best; ref:');
    expect(table).toContain('Recommended: Q4_K_M is the smallest variant within the limits');
    expect(unwrapped(table)).toContain(
      'Q2_K, the next smaller, loses too much: mean KLD 0.144 (limit 0.05).',
    );
    expect(unwrapped(table)).toContain('node-llama-cpp 3.22.1, llama.cpp v0.5.0 (prebuilt), backend cpu');
    expect(table).toContain('Speed: 5 repetitions, 2 threads');
    expect(table).toContain('29 chunks of 512 tokens; 332 tasks from nano/tasks.jsonl.');
  });

  it('has no ink of its own', () => {
    expect(table).not.toContain('\u001B');
  });

  it('tells tasks by kind and where the memory goes when asked for details', () => {
    expect(table).not.toContain('sentiment');
    const detailed = renderComparison(nanoResults(), { details: true });
    expect(detailed).toMatch(/^Tasks +extract +facts +sentiment/m);
    expect(detailed).toMatch(/^ {2}Q8_0 +40\/40 +36\/40 +40\/40 +24\/29/m);
    expect(detailed).toMatch(/^Memory +peak +anonymous +weights +KV cache +compute +on GPU$/m);
  });
});

describe('the best of a column', () => {
  const speedOf = (meanTps: number, stddevTps: number) => {
    const { speed } = nanoVariant('Q8_0');
    if (!isAvailable(speed)) throw new Error('the nano family has speeds');
    return { speed: { ...speed, generation: { tokens: 128, meanTps, stddevTps, samplesNs: [] } } };
  };

  it('is shared by those that the errors cannot tell apart', () => {
    const table = renderComparison(
      buildResults({
        variants: [
          buildVariant('A', speedOf(100, 3)),
          buildVariant('B', speedOf(98, 3)),
          buildVariant('C', speedOf(50, 3)),
        ],
      }),
    );
    expect(rowOf(table, 'A')[0]).toContain('100.00 ± 3.00*');
    expect(rowOf(table, 'B')[0]).toContain('98.00 ± 3.00*');
    expect(rowOf(table, 'C')[0]).toContain('50.00 ± 3.00 ');
  });

  it('is not marked where all are level', () => {
    const table = renderComparison(
      buildResults({ variants: [buildVariant('A', speedOf(100, 3)), buildVariant('B', speedOf(99, 3))] }),
    );
    expect(table).not.toContain('*');
  });

  it('is never a failed row', () => {
    const failed = {
      ...nanoVariant('Q2_K'),
      status: 'failed' as const,
      failure: { code: 'x', message: 'it broke' },
    };
    const table = renderComparison(
      nanoResults({ variants: [nanoVariant('F16'), nanoVariant('Q8_0'), failed] }),
    );
    expect(rowOf(table, 'Q8_0')[0]).toContain('4.30*');
    expect(rowOf(table, 'Q2_K failed')[0]).toContain('1.72 ');
  });
});

describe('a figure that could not be taken', () => {
  it('is a dash with a note that tells the reason once', () => {
    const reason = 'the tasks took longer than --timeout 900';
    const variants = ['F16', 'Q8_0', 'Q4_K_M', 'Q2_K'].map((name, index) =>
      nanoVariant(name, index > 1 ? { tasks: unavailableBecause(reason) } : {}),
    );
    const table = renderComparison(nanoResults({ variants }));
    expect(rowOf(table, 'Q4_K_M')[1]).toMatch(/-\[1\] +-\[1\] +-\[1\]$/);
    expect(table.match(/-\[1\]/g)).toHaveLength(6);
    expect(table.split(reason)).toHaveLength(2);
    expect(table).toContain(`[1] ${reason}`);
  });

  it('leaves no column behind when no variant has it', () => {
    const reason = 'the text is too short';
    const absent = unavailableBecause(reason);
    const variants = ['F16', 'Q2_K'].map((name) =>
      nanoVariant(name, { perplexity: absent, divergence: absent, tasks: absent }),
    );
    const table = renderComparison(nanoResults({ variants }));
    expect(table).not.toMatch(/^Accuracy/m);
    expect(unwrapped(table)).toContain(
      `Not measured: perplexity, mean KLD, p99 KLD, same top token, tasks correct, answer flips: ${reason}`,
    );
  });

  it('says nothing of what was not asked for', () => {
    const absent = notAskedFor('accuracy');
    const variants = ['F16', 'Q2_K'].map((name) =>
      nanoVariant(name, { perplexity: absent, divergence: absent, tasks: absent }),
    );
    expect(renderComparison(nanoResults({ variants }))).not.toMatch(/Not measured|asked for/);
  });

  it('takes its neighbour along when only one half of a pair is there', () => {
    const load = { coldMs: unavailableBecause('the page cache cannot be emptied here'), warmMs: 24 };
    const table = renderComparison(buildResults({ variants: [buildVariant('A', { load })] }));
    expect(table).toMatch(/^Cost +size +load ms$/m);
    expect(table).toMatch(/^ +MiB +warm$/m);
  });
});

describe('a failed row', () => {
  const message =
    'the system killed the engine (SIGKILL), most likely for want of memory: 7.4 GiB of 7.8 GiB were in use';
  const table = renderComparison(
    nanoResults({
      variants: [nanoVariant('F16'), nanoVariant('Q8_0'), failedVariant('Q4_0', 'engine/killed', message)],
    }),
  );

  it('stays among the others, with its reason below, wrapped', () => {
    expect(rowOf(table, 'Q4_0 failed')[0]).toMatch(/0\.95( +-)+$/);
    expect(table).toContain('Failed\n  Q4_0: the system killed');
    expect(unwrapped(table)).toContain(`${message} (engine/killed)`);
  });

  it('needs no further notes for what the failure explains', () => {
    expect(table).not.toContain('[1]');
  });
});

describe('the words around the tables', () => {
  it('name the dominated variants and what dominates them', () => {
    const recommendation = {
      variant: 'Q8_0',
      reasons: ['smallest within the limits'],
      dominated: [{ variant: 'Q2_K', by: 'Q4_K_M' }],
    };
    const table = renderComparison(nanoResults({ recommendation }));
    expect(table).toContain('Recommended: Q8_0. Smallest within the limits.\n');
    expect(table).toMatch(/^Dominated, .*: Q2_K \(by Q4_K_M\)\.$/m);
  });

  it('set a comma behind the name that a reason begins with', () => {
    const reasons = ['Q8_0, the reference, is the only variant that could be measured.'];
    const table = renderComparison(
      nanoResults({ recommendation: { variant: 'Q8_0', reasons, dominated: [] } }),
    );
    expect(table).toContain('Recommended: Q8_0, the reference, is the only');
  });

  it('say why nothing is recommended', () => {
    const recommendation = unavailableBecause('no variant is within the limits');
    expect(renderComparison(nanoResults({ recommendation }))).toContain(
      'No recommendation: no variant is within the limits',
    );
  });

  it('carry the warnings', () => {
    expect(renderComparison(nanoResults({ warnings: ['the machine was busy'] }))).toContain(
      '! the machine was busy',
    );
  });

  it('give shortened names in full', () => {
    const names = [
      'a-rather-long-name-of-a-model-imatrix-Q4_K_M',
      'a-rather-long-name-of-a-model-plain-Q4_K_M',
    ];
    const table = renderComparison(
      nanoResults({ variants: names.map((name) => ({ ...nanoVariant('Q4_K_M'), name })) }),
    );
    expect(unwrapped(table)).toContain(`Names in full, in order: ${names.join(', ')}`);
    expect(table).toMatch(/^ {2}\S+…\S+Q4_K_M {1,2}2\.58/m);
  });
});

describe('any results of the contract', () => {
  it('are what the generator makes', () => {
    fc.assert(
      fc.property(arbitraryResults(), (results: Results) => {
        expect(resultsSchema.safeParse(results).error).toBeUndefined();
      }),
      { numRuns: 50 },
    );
  });

  it('never make a line wider than 100 columns or than the terminal', () => {
    fc.assert(
      fc.property(
        arbitraryResults(),
        fc.integer({ min: 60, max: 140 }),
        fc.boolean(),
        (results, width, details) => {
          const limit = Math.min(width, 100);
          for (const line of renderComparison(results, { width, details }).split('\n')) {
            expect(displayWidth(line)).toBeLessThanOrEqual(limit);
          }
        },
      ),
      { numRuns: 300 },
    );
  });

  it('never let a control character through', () => {
    fc.assert(
      fc.property(arbitraryResults(), (results) => {
        expect(renderComparison(results, { details: true })).not.toMatch(/[^\P{Cc}\n]/u);
      }),
    );
  });

  it('read the same in colour', () => {
    fc.assert(
      fc.property(arbitraryResults(), (results) => {
        const coloured = renderComparison(results, { style: colourful });
        const trimmed = (text: string) => text.split('\n').map((line) => line.trimEnd());
        expect(trimmed(coloured.replaceAll(ESCAPES, ''))).toEqual(trimmed(renderComparison(results)));
      }),
    );
  });

  it('tell every reason for which a variant lacks a figure', () => {
    fc.assert(
      fc.property(arbitraryResults({ text: plainText }), (results) => {
        const text = unwrapped(renderComparison(results));
        for (const { load, speed, memory, perplexity, divergence, tasks, failure } of results.variants) {
          if (failure !== null) expect(text).toContain(failure.message);
          for (const figures of [load, speed, memory, perplexity, divergence, tasks]) {
            if (!isAvailable(figures)) expect(text).toContain(figures.reason);
          }
        }
      }),
    );
  });
});
