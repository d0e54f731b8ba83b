import { readFile, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type CliResult, quantscope, scratchFolder } from '../helpers/cli.ts';
import { phoneCheck } from '../helpers/measurements.ts';
import { nanoPath } from '../helpers/nano.ts';
import { buildResults, nanoResults, nanoVariant } from '../helpers/results.ts';

let server: Server;
let requests: string[];
let model: Buffer;
let scratch: Awaited<ReturnType<typeof scratchFolder>>;

beforeEach(async () => {
  scratch = await scratchFolder();
  model = await readFile(nanoPath('Q2_K'));
  requests = [];
  server = createServer((request, response) => {
    requests.push(request.url ?? '');
    const [, first = '0', last = `${model.length - 1}`] =
      /bytes=(\d+)-(\d*)/.exec(request.headers.range ?? '') ?? [];
    const end = Math.min(Number(last) + 1, model.length);
    response.writeHead(206, {
      etag: '"1"',
      'content-range': `bytes ${first}-${end - 1}/${model.length}`,
      'content-length': end - Number(first),
    });
    response.end(model.subarray(Number(first), end));
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
});
afterEach(async () => {
  server.closeAllConnections();
  await new Promise((done) => server.close(done));
  await scratch[Symbol.asyncDispose]();
});

const origin = (): string => `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

function run(args: readonly string[]): Promise<CliResult> {
  return quantscope(args, {
    env: {
      HF_ENDPOINT: origin(),
      HF_HOME: scratch.path('hf'),
      HF_HUB_CACHE: '',
      XDG_CACHE_HOME: scratch.path('c'),
    },
  });
}

/** Results of one variant whose file is said to be somewhere else, with addresses in all texts that may hold one. */
async function resultsNaming(ref: string): Promise<string> {
  const path = scratch.path('results.json');
  const variant = nanoVariant('Q2_K', { ref });
  const results = nanoResults({ variants: [{ ...variant, file: { ...variant.file, bytes: model.length } }] });
  await writeFile(path, JSON.stringify(results));
  return path;
}

const refs = {
  'an address': () => `${origin()}/m-Q2_K.gguf`,
  'a repository': () => 'hf:mean/model:Q2_K',
  'a name of the catalogue': () => 'phi3:Q4_K_M',
};

describe('results that name', () => {
  describe.each(Object.entries(refs))('%s', (_, refOf) => {
    const commands: Readonly<Record<string, (path: string) => readonly string[]>> = {
      card: (path) => ['card', path],
      'compare --resume': (path) => ['compare', '--resume', path, '--gpu', 'off', '--yes'],
      'eval --resume': (path) => ['eval', '--resume', path, '--gpu', 'off', '--yes'],
    };
    it.each(Object.entries(commands))('make %s ask for nothing', async (_name, argsOf) => {
      const { exitCode, stdout, stderr } = await run(argsOf(await resultsNaming(refOf())));
      expect(requests).toEqual([]);
      expect({ exitCode, stdout }, stderr).toEqual({ exitCode: 2, stdout: '' });
      expect(stderr).toMatch(/^error: .*names a model that is not on this machine.*\nhint: .*--fetch\.\n$/);
    });

    it('are shown, gated and learned from without it', async () => {
      const path = await resultsNaming(refOf());
      await run(['report', path]);
      await run(['report', path, '--html', scratch.path('page.html')]);
      await run(['report', path, path, '--baseline', path]);
      await run(['compare', 'nano:Q2_K', '--only', 'size', '--baseline', path]);
      await run(['card', 'nano:Q2_K', '--results', path]);
      expect(requests).toEqual([]);
    });
  });

  it('an address are followed with --fetch', async () => {
    const { exitCode, stdout, stderr } = await run([
      'card',
      await resultsNaming(refs['an address']()),
      '--fetch',
    ]);
    expect({ exitCode }, stderr).toEqual({ exitCode: 0 });
    expect(stdout).toContain('# ');
    expect(requests.length).toBeGreaterThan(0);
  });
});

it('what a phone returned, and a whole report, ask for nothing', async () => {
  const address = `${origin()}/x`;
  const spoilt = (value: unknown): string => JSON.stringify(value).replaceAll('nano', address);
  for (const [name, value] of Object.entries({ check: phoneCheck('iPhone 13'), results: buildResults() })) {
    await writeFile(scratch.path(`${name}.json`), spoilt(value));
    await run(['report', scratch.path(`${name}.json`)]);
    await run(['kit', 'check', scratch.path(`${name}.json`), '--golden', scratch.path(`${name}.json`)]);
  }
  expect(requests).toEqual([]);
});
