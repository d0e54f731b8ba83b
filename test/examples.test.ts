import { execFile } from 'node:child_process';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import * as library from '../src/index.ts';
import { goldenSchema } from '../src/schema/kit.ts';
import { scratchFolder } from './helpers/cli.ts';
import { HubServer } from './helpers/hub-server.ts';
import { echoOf } from './helpers/kit-results.ts';
import { nanoPath } from './helpers/nano.ts';

const FOLDER = fileURLToPath(new URL('../examples/functions/', import.meta.url));
const REPO = 'maker/nano-GGUF';
const run = promisify(execFile);

let scratch: Awaited<ReturnType<typeof scratchFolder>>;
let server: HubServer;

beforeAll(async () => {
  scratch = await scratchFolder();
  server = await HubServer.start();
  server.repos.set(REPO, { files: { 'nano-Q2_K.gguf': { content: await readFile(nanoPath('Q2_K')) } } });
  const request = { only: ['size', 'accuracy'], chunks: 2, quick: true, threads: 1, gpu: 'off' } as const;
  const results = await library.compare(['nano:Q8_0', 'nano:Q2_K'], request);
  for (const name of ['new.json', 'old.json']) await writeFile(scratch.path(name), JSON.stringify(results));
  const { files } = await library.makeKit('nano:Q2_K', { device: 'galaxy-s23', threads: 1 });
  const golden = goldenSchema.parse(JSON.parse(files['golden.json'] ?? ''));
  await writeFile(scratch.path('phone.json'), JSON.stringify(echoOf(golden)));
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  await scratch[Symbol.asyncDispose]();
});

/** What each is called with, and what it then says. */
const EXAMPLES: Readonly<Record<string, readonly [args: readonly string[], says: RegExp]>> = {
  bench: [['nano:Q2_K'], /pp16: [\d.]+ tokens\/s\ntg4: [\d.]+ tokens\/s\n2 rows/],
  card: [['nano:Q2_K', '.'], /^(?:true|not checkable|not-checkable): /m],
  compare: [['nano:F16', 'nano:Q2_K'], /Q2_K: \d+ bytes, KLD 0\.\d+\nship: /],
  context: [['nano:Q2_K'], /128 f16: .*\n256 f16: /],
  diff: [['nano:F16', 'nano:Q8_0'], /close enough: \{"weights":\d+/],
  evaluate: [['nano:F16', 'nano:Q2_K'], /F16: perplexity \d.*\nQ2_K: perplexity \d/],
  gates: [['new.json', 'old.json'], /^failed\nany\.divergence/],
  hub: [[REPO, 'Q2_K'], /Q2_K: \d+ bytes\n.*\.gguf\ncached: 1 repositories\nfreed: \d{6,} bytes/s],
  inspect: [['nano:Q2_K', 'nano:Q8_0'], /nano:Q2_K: phi3, Q2_K\n(?:.*: 0 faults\n){2}/],
  machine: [[], /models can be measured here.*prebuilt: \d/s],
  make: [['nano:F16', '.'], /Q4_K_M\.gguf\nmix: \w+/],
  phones: [['nano:Q2_K', '.', 'phone.json'], /\d+ phones are known\nQ2_K: fits.*\nthe phone: ok/s],
  report: [['new.json', 'old.json', 'report.html'], /Q2_K, mean KLD: within noise/],
  run: [['nano:Q2_K', 'Which river runs through Prague?'], /reply: ".+"\nagain: ".+"/],
  validate: [['.', 'nano'], /nano:F16: ok\n(?:nano:\w+: \w+\n?){3}/],
};

const environment = () => ({
  ...process.env,
  HF_ENDPOINT: server.endpoint,
  HF_HUB_CACHE: scratch.path('hub'),
  XDG_DATA_HOME: scratch.path('data'),
});

describe('an example for each function of the library', () => {
  it.each(Object.entries(EXAMPLES))('%s runs, and tells of its progress', async (name, [args, says]) => {
    const { stdout, stderr } = await run(process.execPath, [`${FOLDER}${name}.mjs`, ...args], {
      cwd: scratch.folder,
      env: environment(),
    });
    expect(stdout).toMatch(says);
    // What takes no time tells of none.
    if (!['inspect', 'card', 'machine'].includes(name)) expect(stderr).toMatch(/: .* \d+ of \d+$/m);
  });

  it('is there for every function that does a command’s work, and named in the documentation', async () => {
    const index = await readFile('src/index.ts', 'utf8');
    const exported = [...index.matchAll(/^export (?!type)(\{[^}]*\}) from/gm)].flatMap(([, names = '']) =>
      [...names.matchAll(/(type )?\b(\w+)\b/g)].flatMap(([, type, name = '']) => (type ? [] : [name])),
    );
    expect(exported.length).toBeGreaterThan(25);
    const files = await readdir(FOLDER);
    expect(files.sort()).toEqual(['host.mjs', ...Object.keys(EXAMPLES).map((name) => `${name}.mjs`)].sort());
    const sources = await Promise.all(files.map((file) => readFile(`${FOLDER}${file}`, 'utf8')));
    const page = await readFile('docs/library.md', 'utf8');
    for (const name of exported) {
      expect(library).toHaveProperty(name);
      expect(sources.join('\n'), name).toMatch(new RegExp(`\\b${name}\\(`));
      expect(page, name).toContain(`\`${name}\``);
    }
    for (const name of Object.keys(EXAMPLES)) expect(page).toContain(`(../examples/functions/${name}.mjs)`);
  });

  const signal = AbortSignal.abort(new Error('enough'));
  const {
    bench,
    compare,
    diff,
    evaluate,
    fitOnPhones,
    inspect,
    judge,
    listVariants,
    makeImatrix,
    makeKit,
    makeMix,
    measureContext,
    modelCard,
    pull,
    quantize,
    report,
    reportPage,
    runPrompt,
    scanHeaders,
    validate,
  } = library;
  const CALLS: Readonly<Record<string, () => Promise<unknown>>> = {
    bench: () => bench(['nano:Q2_K'], { signal, threads: [1] }),
    compare: () => compare(['nano:Q2_K'], { signal, threads: 1 }),
    diff: () => diff('nano:F16', 'nano:Q2_K', { signal }),
    evaluate: () => evaluate(['nano:Q2_K'], { signal, threads: 1 }),
    fitOnPhones: () => fitOnPhones(['nano'], { signal, phones: 'all' }),
    inspect: () => inspect('nano:Q2_K', { signal }),
    judge: () => judge([scratch.path('new.json')], { signal, failIf: ['any.file.bytes > 1'] }),
    listVariants: () => listVariants('maker/none', { signal }),
    makeImatrix: () => makeImatrix('nano:F16', { signal, out: scratch.path('never.gguf'), threads: 1 }),
    makeKit: () => makeKit('nano:Q2_K', { signal, threads: 1 }),
    makeMix: () => makeMix('nano:F16', { signal, out: scratch.path('never.gguf'), threads: 1 }),
    measureContext: () => measureContext('nano:Q2_K', { signal, threads: 1 }),
    modelCard: () => modelCard('nano:Q2_K', { signal }),
    pull: () => pull([`hf:${REPO}:Q2_K`], { signal }),
    quantize: () => quantize('nano:F16', ['Q8_0'], { signal, out: scratch.path('never') }),
    report: () => report([scratch.path('new.json')], { signal }),
    reportPage: () => reportPage([scratch.path('new.json')], { signal }),
    runPrompt: () => runPrompt('nano:Q2_K', 'hi', { signal, threads: 1 }),
    scanHeaders: async () => {
      for await (const _ of scanHeaders(['nano'], { signal })) expect.fail('a header came');
    },
    validate: () => validate(['nano'], { signal }),
  };
  it.each(Object.entries(CALLS))(
    '%s ends with the reason of the signal that it is given',
    async (_, call) => {
      await expect(call()).rejects.toThrow('enough');
    },
  );
});
