import type { Share } from '../measure/share.ts';
import { UsageError } from '../util/errors.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** What a schedule says of this job: which it is, from 1, and of how many, where it says that. */
interface Found {
  readonly index: number;
  readonly count: number | undefined;
  /** The variables it is from, for messages. */
  readonly from: string;
}

/**
 * The share that `--shard` asks for: `2/8`, `auto` as the environment says, or `auto/8` where that does not say of how
 * many. Looked for in this order: QUANTSCOPE_SHARD (`2/8`), GitLab, Buildkite, CircleCI (`parallelism`), Azure Pipelines
 * (`strategy: parallel`), Slurm job arrays, Kubernetes Indexed Jobs, whose number of completions is no variable of theirs: `auto/8`, or JOB_COMPLETIONS in the pod's own `env`.
 * @throws UsageError `usage/shard`
 */
export function shardOf(text: string, env: Environment): Share {
  const [, auto, given, whole] = /^(auto)(?:\/(\d+))?$|^(\d+\/\d+)$/.exec(text.trim()) ?? [];
  if (whole !== undefined) return fraction(whole, '--shard');
  if (auto === undefined) throw invalid(`--shard ${text}: expected i/n, auto or auto/n`);
  const asked = given === undefined ? undefined : Number(given);
  const found = fromQuantscope(env) ?? fromCi(env) ?? fromSlurm(env) ?? fromKubernetes(env);
  if (found === undefined) {
    throw new UsageError('usage/shard', '--shard auto: the environment does not say which job this is', {
      hint: 'Set QUANTSCOPE_SHARD=i/n, which a matrix of GitHub Actions can, or write --shard i/n.',
    });
  }
  const { index, count = asked, from } = found;
  if (count === undefined) {
    throw new UsageError('usage/shard', `--shard auto: ${from} says which job this is, not of how many`, {
      hint: 'Write --shard auto/n, or set JOB_COMPLETIONS to the number of completions.',
    });
  }
  if (asked !== undefined && asked !== count) {
    throw invalid(`--shard ${text}: ${from} says that there are ${count} jobs`);
  }
  return checked(index, count, from);
}

function fromQuantscope({ QUANTSCOPE_SHARD }: Environment): Found | undefined {
  if (!QUANTSCOPE_SHARD) return undefined;
  return { ...fraction(QUANTSCOPE_SHARD, 'QUANTSCOPE_SHARD'), from: 'QUANTSCOPE_SHARD' };
}

/** Variables of CI services that number the jobs of a step, and the number of the first. */
const CI_SERVICES = [
  // https://docs.gitlab.com/ci/variables/predefined_variables/
  { service: 'GitLab', index: 'CI_NODE_INDEX', count: 'CI_NODE_TOTAL', first: 1 },
  // https://buildkite.com/docs/pipelines/configure/environment-variables
  {
    service: 'Buildkite',
    index: 'BUILDKITE_PARALLEL_JOB',
    count: 'BUILDKITE_PARALLEL_JOB_COUNT',
    first: 0,
  },
  // https://circleci.com/docs/reference/variables/
  { service: 'CircleCI', index: 'CIRCLE_NODE_INDEX', count: 'CIRCLE_NODE_TOTAL', first: 0 },
  // https://learn.microsoft.com/azure/devops/pipelines/build/variables
  {
    service: 'Azure Pipelines',
    index: 'SYSTEM_JOBPOSITIONINPHASE',
    count: 'SYSTEM_TOTALJOBSINPHASE',
    first: 1,
  },
] as const;

function fromCi(env: Environment): Found | undefined {
  for (const { service, index: name, count: total, first } of CI_SERVICES) {
    const [index, count] = [whole(env, name), whole(env, total)];
    if (index === undefined || count === undefined) continue;
    return { index: index - first + 1, count, from: `${name} of ${service}` };
  }
  return undefined;
}

/** https://slurm.schedmd.com/job_array.html: ids are what --array lists, from MIN to MAX by STEP. */
function fromSlurm(env: Environment): Found | undefined {
  const id = whole(env, 'SLURM_ARRAY_TASK_ID');
  const count = whole(env, 'SLURM_ARRAY_TASK_COUNT');
  if (id === undefined || count === undefined) return undefined;
  const from = 'SLURM_ARRAY_TASK_ID';
  const least = whole(env, 'SLURM_ARRAY_TASK_MIN') ?? 0;
  const step = Math.max(1, whole(env, 'SLURM_ARRAY_TASK_STEP') ?? 1);
  const most = whole(env, 'SLURM_ARRAY_TASK_MAX') ?? least + (count - 1) * step;
  const place = (id - least) / step;
  // A list such as 1,3,7 does not say which place an id has in it.
  if (!Number.isInteger(place) || (most - least) / step + 1 !== count) {
    throw new UsageError(
      'usage/shard',
      `--shard auto: the ids of the job array are no plain range (${from}=${id})`,
      {
        hint: 'Submit it with --array=1-8, or set QUANTSCOPE_SHARD=i/n.',
      },
    );
  }
  return { index: place + 1, count, from };
}

/** https://kubernetes.io/docs/concepts/workloads/controllers/job/: JOB_COMPLETION_INDEX counts from 0. */
function fromKubernetes(env: Environment): Found | undefined {
  const index = whole(env, 'JOB_COMPLETION_INDEX');
  if (index === undefined) return undefined;
  return { index: index + 1, count: whole(env, 'JOB_COMPLETIONS'), from: 'JOB_COMPLETION_INDEX' };
}

function whole(env: Environment, name: string): number | undefined {
  const text = env[name]?.trim();
  if (!text) return undefined;
  if (!/^\d{1,9}$/.test(text)) throw invalid(`${name} is ${JSON.stringify(text)}, expected a whole number`);
  return Number(text);
}

function fraction(text: string, where: string): Share {
  const [, index, count] = /^(\d{1,9})\/(\d{1,9})$/.exec(text.trim()) ?? [];
  if (index === undefined || count === undefined) {
    throw invalid(`${where} is ${JSON.stringify(text)}, expected i/n`);
  }
  return checked(Number(index), Number(count), where);
}

function checked(index: number, count: number, where: string): Share {
  if (index >= 1 && index <= count) return { index, count };
  throw invalid(`${where} says share ${index} of ${count}, expected 1 to ${count}`);
}

function invalid(message: string): UsageError {
  return new UsageError('usage/shard', message, { hint: 'Give i/n with i from 1 to n: --shard 2/8.' });
}
