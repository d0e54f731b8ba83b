import { execFile, spawnSync } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { quantscope, scratchFolder } from '../helpers/cli.ts';

const run = promisify(execFile);
let scratch: Awaited<ReturnType<typeof scratchFolder>>;

beforeAll(async () => {
  scratch = await scratchFolder();
  for (const shell of ['bash', 'zsh', 'fish']) {
    const { stdout, exitCode } = await quantscope(['completion', shell]);
    expect(exitCode).toBe(0);
    await writeFile(scratch.path(`completion.${shell}`), stdout);
  }
  await mkdir(scratch.path('work'));
  await mkdir(scratch.path('work/my models'));
  for (const name of ['tiny-Q4_K_M.gguf', 'tiny Q8_0.gguf', 'notes.txt']) {
    await writeFile(scratch.path(`work/${name}`), '');
  }
});

afterAll(() => scratch[Symbol.asyncDispose]());

/** What bash answers to Tab behind `line`, by the function that the script registers. */
async function bash(line: string): Promise<string[]> {
  const script = `
    source "$1"
    COMP_LINE=$2 COMP_POINT=\${#2} COMP_WORDBREAKS=$' \\t\\n"\\'><=;|&(:'
    "$(complete -p quantscope | sed 's/.*-F \\([^ ]*\\).*/\\1/')"
    printf '%s\\n' "\${COMPREPLY[@]}"`;
  const { stdout } = await run('bash', ['-c', script, 'bash', scratch.path('completion.bash'), line], {
    cwd: scratch.path('work'),
  });
  return stdout.split('\n').filter(Boolean).sort();
}

/** What `fish` itself offers for a line. */
async function fish(line: string): Promise<string[]> {
  const command = 'source $argv[1]; complete -C $argv[2]';
  const { stdout } = await run(
    'fish',
    ['--no-config', '-c', command, scratch.path('completion.fish'), line],
    {
      cwd: scratch.path('work'),
      env: { ...process.env, HOME: scratch.folder },
    },
  );
  return stdout
    .split('\n')
    .map((answer) => answer.split('\t')[0] ?? '')
    .filter(Boolean)
    .sort();
}

/** What zsh lists on a terminal of its own when Tab is pressed behind `line`. */
async function zsh(line: string): Promise<string> {
  const setUp =
    'autoload -Uz compinit && compinit -u -D; PS1=; unset zle_bracketed_paste; LISTMAX=1000; cd -q $FOLDER; ' +
    'source $SCRIPT; bindkey "^I" list-choices; print READ""Y';
  const script = `
    zmodload zsh/zpty
    zpty -b shell zsh -f -i
    zpty -w shell $SET_UP
    until [[ $got == *READY* ]]; do zpty -r -t shell part && got+=$part || sleep 0.02; done
    zpty -n -w shell "$LINE"$'\\t'
    for i in {1..50}; do sleep 0.02; while zpty -r -t shell part; do print -rn -- "$part"; done; done
    zpty -d shell`;
  const { stdout } = await run('zsh', ['-f', '-c', script], {
    timeout: 30_000,
    env: {
      ...process.env,
      ...{ HOME: scratch.folder, TERM: 'dumb', COLUMNS: '200', LINES: '200' },
      ...{ SET_UP: setUp, LINE: line, FOLDER: scratch.path('work'), SCRIPT: scratch.path('completion.zsh') },
    },
  });
  return stdout;
}

describe('completion in bash', () => {
  it('offers commands, and the subcommands of one', async () => {
    expect(await bash('quantscope com')).toEqual(['compare', 'completion']);
    expect(await bash('quantscope cache ')).toEqual(['help', 'list', 'remove', 'verify']);
    expect(await bash('quantscope kit ch')).toEqual(['check']);
  });

  it('offers the options of the command and of no other', async () => {
    expect(await bash('quantscope compare --max-')).toEqual([
      '--max-accuracy-drop',
      '--max-kld',
      '--max-perplexity-increase',
      '--max-time',
    ]);
    expect(await bash('quantscope inspect --max-')).toEqual([]);
    expect(await bash('quantscope kit check --le')).toEqual(['--learn']);
  });

  it('offers what an option takes, behind a blank, a short name, "=" and a comma', async () => {
    expect(await bash('quantscope compare nano --gpu v')).toEqual(['vulkan']);
    expect(await bash('quantscope compare nano --gpu=me')).toEqual(['metal']);
    expect(await bash('quantscope compare --only size,sp')).toEqual(['size,speed']);
    expect(await bash('quantscope fit phi3 -d iphone-13-p')).toContain('iphone-13-pro');
    expect(await bash('quantscope compare --threads ')).toEqual([]);
    expect(await bash('quantscope completion z')).toEqual(['zsh']);
  });

  it('offers names of the catalogue, embedded models behind the ":" that bash cuts at, and model files', async () => {
    expect(await bash('quantscope inspect ph')).toEqual(['phi3', 'phi3:Q2_K', 'phi3:Q4_K_M', 'phi3:Q8_0']);
    expect(await bash('quantscope inspect nano:Q')).toEqual(['Q2_K', 'Q4_K_M', 'Q8_0']);
    expect(await bash('quantscope inspect tiny')).toEqual(['tiny Q8_0.gguf', 'tiny-Q4_K_M.gguf']);
    expect(await bash('quantscope inspect m')).toEqual(['my models']);
    expect(await bash('quantscope inspect no')).toEqual([]);
    expect(await bash('quantscope report no')).toEqual(['notes.txt']);
  });
});

describe.skipIf(spawnSync('fish', ['--version']).status !== 0)(
  'completion in fish (where it is installed)',
  () => {
    it('offers commands, options, what they take, and models', async () => {
      expect(await fish('quantscope com')).toEqual(['compare', 'completion']);
      expect(await fish('quantscope kit che')).toEqual(['check']);
      expect(await fish('quantscope compare --max-k')).toEqual(['--max-kld']);
      expect(await fish('quantscope inspect --max-k')).toEqual([]);
      expect(await fish('quantscope compare nano --gpu v')).toEqual(['vulkan']);
      expect(await fish('quantscope compare --only size,sp')).toEqual(['size,speed']);
      expect(await fish('quantscope inspect nano:Q4')).toEqual(['nano:Q4_K_M']);
      expect(await fish('quantscope inspect tiny-')).toEqual(['tiny-Q4_K_M.gguf']);
      expect(await fish('quantscope report notes')).toEqual(['notes.txt']);
    });
  },
);

describe.skipIf(spawnSync('zsh', ['--version']).status !== 0)(
  'completion in zsh (where it is installed)',
  () => {
    it('offers commands, options, what they take, and models', async () => {
      expect(await zsh('quantscope com')).toMatch(/compare +-- size, speed[\s\S]*completion/);
      expect(await zsh('quantscope compare --max-')).toMatch(/--max-accuracy-drop[\s\S]*--max-kld/);
      expect(await zsh('quantscope compare nano --gpu ')).toMatch(/auto +cuda +metal +off +vulkan/);
      expect(await zsh('quantscope inspect nano:')).toMatch(/nano:F16 +nano:Q2_K +nano:Q4_K_M/);
      expect(await zsh('quantscope inspect tiny')).toMatch(/tiny-Q4_K_M\.gguf/);
      expect(await zsh('quantscope inspect t')).not.toMatch(/notes/);
    });
  },
);
