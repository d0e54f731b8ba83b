import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { shardOf } from '../../src/api/shard.ts';

type Environment = Record<string, string>;

const slurm = (id: number, more: Environment = {}): Environment => ({
  SLURM_ARRAY_TASK_ID: String(id),
  SLURM_ARRAY_TASK_MIN: '0',
  SLURM_ARRAY_TASK_MAX: '3',
  SLURM_ARRAY_TASK_COUNT: '4',
  ...more,
});

describe('--shard', () => {
  it('takes i/n as it is, whatever the environment says', () => {
    expect(shardOf('2/8', { CI_NODE_INDEX: '1', CI_NODE_TOTAL: '4' })).toEqual({ index: 2, count: 8 });
    fc.assert(
      fc.property(fc.nat(1000), fc.nat(1000), (index, count) => {
        const run = () => shardOf(`${index}/${count}`, {});
        if (index >= 1 && index <= count) expect(run()).toEqual({ index, count });
        else expect(run).toThrow(expect.objectContaining({ code: 'usage/shard' }));
      }),
    );
  });

  it.each<[schedule: string, text: string, env: Environment, index: number, count: number]>([
    ['QUANTSCOPE_SHARD', 'auto', { QUANTSCOPE_SHARD: '3/5' }, 3, 5],
    [
      'QUANTSCOPE_SHARD before GitLab',
      'auto',
      { QUANTSCOPE_SHARD: '3/5', CI_NODE_INDEX: '1', CI_NODE_TOTAL: '2' },
      3,
      5,
    ],
    ['GitLab, from 1', 'auto', { CI_NODE_INDEX: '4', CI_NODE_TOTAL: '4' }, 4, 4],
    ['Buildkite, from 0', 'auto', { BUILDKITE_PARALLEL_JOB: '0', BUILDKITE_PARALLEL_JOB_COUNT: '3' }, 1, 3],
    ['CircleCI, from 0', 'auto', { CIRCLE_NODE_INDEX: '3', CIRCLE_NODE_TOTAL: '4' }, 4, 4],
    [
      'Azure Pipelines, from 1',
      'auto',
      { SYSTEM_JOBPOSITIONINPHASE: '2', SYSTEM_TOTALJOBSINPHASE: '2' },
      2,
      2,
    ],
    ['Kubernetes, from 0, with the number given', 'auto/8', { JOB_COMPLETION_INDEX: '0' }, 1, 8],
    [
      'Kubernetes with a variable for the number',
      'auto',
      { JOB_COMPLETION_INDEX: '7', JOB_COMPLETIONS: '8' },
      8,
      8,
    ],
    ['Slurm, from 0', 'auto', slurm(3), 4, 4],
    [
      'Slurm, from 1 by 2',
      'auto',
      slurm(5, { SLURM_ARRAY_TASK_MIN: '1', SLURM_ARRAY_TASK_MAX: '7', SLURM_ARRAY_TASK_STEP: '2' }),
      3,
      4,
    ],
    ['a number that agrees', 'auto/4', { CI_NODE_INDEX: '1', CI_NODE_TOTAL: '4' }, 1, 4],
  ])('auto reads %s', (_, text, env, index, count) => {
    expect(shardOf(text, env)).toEqual({ index, count });
  });

  it.each<[what: string, text: string, env: Environment, message: RegExp]>([
    ['no schedule', 'auto', {}, /does not say which job/],
    ['an empty variable', 'auto', { QUANTSCOPE_SHARD: '' }, /does not say which job/],
    ['GitLab without parallel', 'auto', { CI_NODE_TOTAL: '1' }, /does not say which job/],
    ['Kubernetes without a number', 'auto', { JOB_COMPLETION_INDEX: '0' }, /not of how many/],
    ['an index beyond the number', 'auto/2', { JOB_COMPLETION_INDEX: '2' }, /share 3 of 2/],
    ['another number', 'auto/3', { CI_NODE_INDEX: '1', CI_NODE_TOTAL: '4' }, /there are 4 jobs/],
    ['a list of ids', 'auto', slurm(3, { SLURM_ARRAY_TASK_MAX: '9' }), /no plain range/],
    [
      'an id between the steps',
      'auto',
      slurm(1, { SLURM_ARRAY_TASK_STEP: '2', SLURM_ARRAY_TASK_MAX: '6' }),
      /no plain range/,
    ],
    ['words', 'auto', { CI_NODE_INDEX: 'one', CI_NODE_TOTAL: '4' }, /CI_NODE_INDEX is "one"/],
    ['half a share', 'auto', { QUANTSCOPE_SHARD: '2' }, /QUANTSCOPE_SHARD is "2"/],
    ['another word', 'all', {}, /expected i\/n, auto/],
    ['a negative share', '-1/2', {}, /expected i\/n, auto/],
  ])('%s is one clear error', (_, text, env, message) => {
    expect(() => shardOf(text, env)).toThrow(message);
    expect(() => shardOf(text, env)).toThrow(expect.objectContaining({ code: 'usage/shard' }));
  });

  it('gives every job of an array another share, and together all', () => {
    const shares = [0, 1, 2, 3].map((id) => shardOf('auto', slurm(id)).index);
    expect(shares).toEqual([1, 2, 3, 4]);
  });
});
