import { writeFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { compare, type Progress } from '../../src/index.ts';
import { timeInTurns } from '../../src/measure/comparison-turns.ts';
import { rateOf } from '../../src/measure/rates.ts';
import { isAvailable, unavailableBecause } from '../../src/schema/availability.ts';
import type { Speed } from '../../src/schema/figures.ts';
import { resultsSchema } from '../../src/schema/results.ts';
import { QuantscopeError } from '../../src/util/errors.ts';
import { quantscope, scratchFolder } from '../helpers/cli.ts';
import { nanoPath } from '../helpers/nano.ts';

/** A file of a comparison, of which turns need the name alone. */
function variant(name: string) {
  const described = new QuantscopeError('header/magic', 'not read');
  return { name, ref: name, path: name, paths: [name], bytes: 1, described };
}

function speedOf(tps: number): Speed {
  const rate = rateOf(100, [1e11 / tps]);
  const absent = unavailableBecause('not timed');
  return {
    prompt: rate,
    generation: rate,
    generationAtDepth: absent,
    firstTokenMs: absent,
    effectiveBandwidthBytesPerSecond: absent,
  } as Speed;
}

/** The mean rates of three equal variants on a machine that gets slower with every timing. */
async function rates(turns: number, interleave: boolean, slowerBy: number): Promise<number[]> {
  const variants = ['a', 'b', 'c'].map(variant);
  let timings = 0;
  const time = async () => speedOf(1000 - slowerBy * timings++);
  const steps = { begin: async () => true, time, fail: () => expect.fail('nothing fails') };
  const speeds = interleave ? [await timeInTurns(variants, turns, steps)] : [];
  if (!interleave) for (const one of variants) speeds.push(await timeInTurns([one], turns, steps));
  return variants.map((one) => {
    const speed = speeds.flatMap((found) => found.get(one) ?? [])[0];
    const rate = speed?.generation;
    if (rate === undefined || !isAvailable(rate)) throw new Error('no rate');
    expect(rate.samplesNs).toHaveLength(turns);
    return rate.samplesNs.reduce((sum, ns) => sum + 1e11 / ns, 0) / turns;
  });
}

describe('timing in turns', () => {
  it('gives a machine that slows down steadily to all variants alike, where one after another does not', async () => {
    for (const turns of [2, 4, 6]) {
      const [a = 0, b = 0, c = 0] = await rates(turns, true, 5);
      expect(b).toBeCloseTo(a, 3);
      expect(c).toBeCloseTo(a, 3);
    }
    // Of an odd number the last turn is not balanced, and shares what it is off by among all turns.
    const odd = await rates(5, true, 5);
    expect(Math.max(...odd) - Math.min(...odd)).toBeLessThanOrEqual(2.001);
    const [first = 0, , last = 0] = await rates(4, false, 5);
    expect(first - last).toBeCloseTo(40, 3);
  });

  it('lets a variant that fails stop, and the others go on', async () => {
    const order: string[] = [];
    const failed: string[] = [];
    const speeds = await timeInTurns(['a', 'b', 'c'].map(variant), 3, {
      begin: async ({ name }) => name !== 'c',
      time: async ({ name }, turn) => {
        order.push(`${name}${turn}`);
        if (name === 'b' && turn === 1) throw new Error('gone');
        return speedOf(10);
      },
      fail: ({ name }) => void failed.push(name),
    });
    expect(order).toEqual(['a0', 'b0', 'b1', 'a1', 'a2']);
    expect(failed).toEqual(['b']);
    expect([...speeds.keys()].map(({ name }) => name)).toEqual(['a']);
  });
});

describe('compare --interleave', () => {
  it('times the nano family in turns, each repetition in a process and as a run of its own', async () => {
    const starts: string[] = [];
    const results = await compare(['nano:Q8_0', 'nano:Q2_K'], {
      only: ['size', 'speed'],
      reference: 'Q8_0',
      threads: 1,
      gpu: 'off',
      repetitions: 3,
      prompt: 8,
      generate: 4,
      depth: 8,
      interleave: true,
      progress: (event: Progress) => {
        if (event.kind !== 'step') return;
        if (event.stage === 'start' && event.done === 0) starts.push(event.subject);
      },
    });
    expect(starts).toEqual(['Q8_0', 'Q2_K', 'Q2_K', 'Q8_0', 'Q8_0', 'Q2_K']);
    expect(results.settings.interleave).toBe(true);
    for (const { speed, status } of results.variants) {
      expect(status).toBe('ok');
      if (!isAvailable(speed)) throw new Error(speed.reason);
      for (const rate of [speed.prompt, speed.generation, speed.generationAtDepth]) {
        if (!isAvailable(rate)) throw new Error(rate.reason);
        expect(rate.runs).toEqual([1, 1, 1]);
        expect(rate.samplesNs).toHaveLength(3);
      }
    }
  });

  it('is no run of the setup of one that was not, and a file that is broken stops no other', async () => {
    await using scratch = await scratchFolder();
    await writeFile(scratch.path('broken.gguf'), 'GGUF and no more');
    const small = [
      '--only',
      'size,speed',
      '-t',
      '1',
      '--gpu',
      'off',
      '-r',
      '2',
      '-p',
      '8',
      '-n',
      '4',
      '-d',
      '8',
    ];
    const args = ['compare', nanoPath('Q2_K'), scratch.path('broken.gguf'), ...small, '--quiet'];
    const turns = await quantscope([...args, '--interleave', '--json', '--out', scratch.path('turns.json')]);
    expect(turns.exitCode).toBe(1);
    const { variants } = resultsSchema.parse(JSON.parse(turns.stdout));
    expect(variants.map(({ status }) => status).sort()).toEqual(['failed', 'ok']);
    await quantscope([...args, '--out', scratch.path('apart.json')]);
    const compared = ['report', scratch.path('turns.json'), '--baseline', scratch.path('apart.json'), '-q'];
    expect((await quantscope([...compared, '--format', 'json'])).stdout).toContain('interleave');
  });
});
