// What the built CLI says of the nano family on one Node: inspection, verdict, perplexity, divergence, greedy tokens.
// A command that fails or crashes leaves its reason in place of its figures, and the others go on.
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const pathOf = (name) => fileURLToPath(new URL(`../../${name}`, import.meta.url));
const PROGRAM = pathOf('bin/quantscope.js');

const VARIANTS = ['F16', 'Q8_0', 'Q4_K_M', 'Q2_K'];

const TASKS = readFileSync(pathOf('fixtures/nano/tasks.jsonl'), 'utf8').trimEnd().split('\n');
/** All four answer it with the same whole sentence, where other tasks take a word. */
const TASK = TASKS.find((line) => JSON.parse(line).task === 'summary');
const REPLY_TOKENS = 24;

/**
 * Whose reply is taken token by token. Those of the others are held to the text that the task expects: each engine's
 * start takes 10 s emulated.
 */
const BY_TOKEN = 'Q4_K_M';

/** Emulated, F16 takes about 0.1 s a token. In less text Q8_0's divergence is as small as what half precision rounds. */
const TEXT = ['--context', '512', '--chunks', '2'];

const ENGINE = ['--gpu', 'off', '--threads', '1', '--json', '--quiet'];

/**
 * The figures of each variant, `{F16: {inspection, verdict, reply, perplexity, meanKld}, ...}`, for one also its
 * `tokens`; each a value or `{failed: reason}`.
 * @param node the command that starts Node
 * @param lanes how many commands run side by side
 * @param done called with each command that has ended
 */
export async function figuresWith(node, { lanes, scratchFolder, signal, done }) {
  const figures = Object.fromEntries(VARIANTS.map((variant) => [variant, {}]));
  const tasks = join(scratchFolder, 'tasks.jsonl');
  await writeFile(tasks, `${TASK}\n`);
  const put = (name, variant, value) => {
    figures[variant][name] = value;
  };
  const command = async (args) => {
    const printed = await jsonOf(node, args, signal);
    done(args.slice(0, 2).join(' '));
    return printed;
  };
  // The longest first, so that the lanes end together.
  const steps = [
    () => compare({ command, put, tasks }),
    () => greedyReply({ command, put, variant: BY_TOKEN }),
    () => validate({ command, put }),
    ...VARIANTS.map((variant) => () => inspect({ command, put, variant })),
  ];
  const run = async () => {
    for (let step = steps.shift(); step !== undefined; step = steps.shift()) await step();
  };
  await Promise.all(Array.from({ length: lanes }, run));
  return figures;
}

async function compare({ command, put, tasks }) {
  const only = ['--quick', '--only', 'size,accuracy'];
  const printed = await command(['compare', 'nano', ...only, ...TEXT, '--tasks', tasks, ...ENGINE]);
  for (const variant of VARIANTS) {
    const row = printed.variants?.find(({ name }) => name === variant) ?? printed;
    put('perplexity', variant, row.failed ? row : available(row.perplexity, ({ value }) => value));
    put('reply', variant, row.failed ? row : available(row.tasks, ({ correct }) => correct === 1));
    put('meanKld', variant, row.failed ? row : available(row.divergence, ({ meanKld }) => meanKld));
  }
}

async function greedyReply({ command, put, variant }) {
  const { prompt } = JSON.parse(TASK);
  const greedy = ['--greedy', '--max-tokens', String(REPLY_TOKENS)];
  const printed = await command(['run', `nano:${variant}`, prompt, ...greedy, ...ENGINE]);
  put('tokens', variant, printed.failed ? printed : printed.reply.tokens);
}

async function validate({ command, put }) {
  const printed = await command(['validate', 'nano', '--json', '--quiet']);
  for (const variant of VARIANTS) {
    const file = printed.files?.find(({ ref }) => ref === `nano:${variant}`);
    const rules = file?.diagnostics.map(({ rule, severity }) => `${severity} ${rule}`);
    put('verdict', variant, file === undefined ? printed : [file.verdict, ...rules]);
  }
}

async function inspect({ command, put, variant }) {
  const printed = await command(['inspect', `nano:${variant}`, '--json']);
  const hash = () => createHash('sha256').update(JSON.stringify(printed)).digest('hex');
  put('inspection', variant, printed.failed ? printed : hash());
}

/** A figure of results, or why they have none. */
function available(measured, figureOf) {
  return measured.status === 'unavailable' ? { failed: measured.reason } : figureOf(measured);
}

/** What a command prints, parsed, or `{failed: reason}`; rejects only with the signal's reason. */
async function jsonOf(node, args, signal) {
  signal.throwIfAborted();
  const { stdout, stderr, ended } = await outputOf(node, args, signal);
  signal.throwIfAborted();
  try {
    return JSON.parse(stdout);
  } catch {
    const said = stderr.trim().split('\n')[0];
    return { failed: `${args.slice(0, 2).join(' ')} ended with ${ended}${said === '' ? '' : `: ${said}`}` };
  }
}

function outputOf(node, args, signal) {
  return new Promise((resolve, reject) => {
    // A group of its own: the engine's processes end with the command.
    const child = spawn(node, [PROGRAM, ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, NO_COLOR: '1' },
      detached: true,
    });
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text) => {
      stdout += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text) => {
      stderr += text;
    });
    const end = () => process.kill(-child.pid, 'SIGKILL');
    signal.addEventListener('abort', end, { once: true });
    child.on('error', reject);
    child.on('close', (code, killedBy) => {
      signal.removeEventListener('abort', end);
      resolve({ stdout, stderr, ended: killedBy ?? `exit code ${code}` });
    });
  });
}
