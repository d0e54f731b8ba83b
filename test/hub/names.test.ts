import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RangeQueue, RangeSet } from '../../src/hub/byte-ranges.ts';
import { readHubSettings } from '../../src/hub/settings.ts';
import { gatherModels, modelsOfTag, quantizationInPath } from '../../src/model/names.ts';
import { formatHubRef, parseRef } from '../../src/model/ref.ts';
import { isRepoId, isRevision, isSafePath } from '../../src/util/safe-names.ts';

describe('a quantization in a path', () => {
  const spellings: Record<string, string | undefined> = {
    'Phi-3-mini-4k-instruct-Q4_K_M.gguf': 'Q4_K_M',
    'phi-3.Q4_K_M.gguf': 'Q4_K_M',
    'm.i1-IQ4_XS.gguf': 'IQ4_XS',
    'm-q4_k_m.gguf': 'Q4_K_M',
    'Phi-3-mini-4k-instruct-q4.gguf': 'Q4',
    'Phi-3-mini-4k-instruct-fp16.gguf': 'F16',
    'Llama-3.2-1B-Instruct-f16.gguf': 'F16',
    'm-BF16.gguf': 'BF16',
    'm-UD-Q4_K_XL.gguf': 'UD-Q4_K_XL',
    'm-mxfp4.gguf': 'MXFP4',
    'Q4_K_M/model.gguf': 'Q4_K_M',
    'X-Q4_K_M-GGUF/model.gguf': 'Q4_K_M',
    'UD-Q4_K_XL/m-UD-Q4_K_XL-00001-of-00002': 'UD-Q4_K_XL',
    'model.gguf': undefined,
    'Q4_K_M/other-Q8_0.gguf': 'Q8_0',
  };
  for (const [path, label] of Object.entries(spellings)) {
    it(`${path} is ${label}`, () => expect(quantizationInPath(path)).toBe(label));
  }
});

describe(':QUANT', () => {
  const files = (...paths: string[]) => gatherModels(paths.map((path) => ({ path, sizeBytes: 1 })));
  const find = (models: ReturnType<typeof files>, asked: string) =>
    modelsOfTag(models, asked).models.map(({ path }) => path);

  it('takes the label itself before a longer or prefixed one', () => {
    const models = files(
      'm-Q4_K_M.gguf',
      'm-UD-Q4_K_M.gguf',
      'm-IQ4_XS.gguf',
      'm-BF16.gguf',
      'm-fp16.gguf',
      'm-Q4_K_S.gguf',
    );
    expect(find(models, 'q4_k_m')).toEqual(['m-Q4_K_M.gguf']);
    expect(find(models, 'UD-Q4_K_M')).toEqual(['m-UD-Q4_K_M.gguf']);
    expect(find(models, 'F16')).toEqual(['m-fp16.gguf']);
    expect(find(models, 'Q4_K').length).toBe(3);
    expect(find(models, 'Q5_K_M')).toEqual([]);
  });

  it('finds a prefixed label where it is the only one', () => {
    expect(find(files('m-UD-Q4_K_XL.gguf', 'm-Q8_0.gguf'), 'Q4_K_XL')).toEqual(['m-UD-Q4_K_XL.gguf']);
  });

  it('gathers shards, knows which are missing, and leaves out what is no model', () => {
    const models = files(
      'a/m-Q8_0-00002-of-00002.gguf',
      'a/m-Q8_0-00001-of-00002.gguf',
      'b-Q4_0-00002-of-00003.gguf',
      'mmproj-F16.gguf',
      'imatrix.gguf',
    );
    expect(models.map(({ path, files: own, missing }) => [path, own.length, missing.length])).toEqual([
      ['a/m-Q8_0-00001-of-00002.gguf', 2, 0],
      ['b-Q4_0-00001-of-00003.gguf', 1, 2],
    ]);
  });
});

describe('a ref', () => {
  const options = { catalogueNames: ['phi3', 'llama-3.2-1b'], endpoint: 'https://huggingface.co' };
  const hub = (repo: string, more: object = {}) => ({
    kind: 'hub',
    repo,
    revision: null,
    quantization: null,
    file: null,
    ...more,
  });
  const cases: Record<string, object> = {
    './phi3': { kind: 'path', path: './phi3' },
    'models/a.gguf': { kind: 'path', path: 'models/a.gguf' },
    phi3: { kind: 'catalogue', name: 'phi3', quantization: null },
    'Llama-3.2-1B:q8_0': { kind: 'catalogue', name: 'llama-3.2-1b', quantization: 'q8_0' },
    'nano:Q2_K': { kind: 'nano', quantization: 'Q2_K' },
    'hf:a/b': hub('a/b'),
    'hf:a/b@v1.0:Q4_K_M': hub('a/b', { revision: 'v1.0', quantization: 'Q4_K_M' }),
    'hf:a/b@refs/pr/1/x/y.gguf': hub('a/b', { revision: 'refs/pr/1', file: 'x/y.gguf' }),
    'hf:a/b/x/y.gguf': hub('a/b', { file: 'x/y.gguf' }),
    'https://huggingface.co/a/b/resolve/main/x%20y.gguf?download=true': hub('a/b', {
      revision: 'main',
      file: 'x y.gguf',
    }),
    'https://huggingface.co/a/b/blob/main/y.gguf': hub('a/b', { revision: 'main', file: 'y.gguf' }),
    'https://example.com/y.gguf': { kind: 'url', url: 'https://example.com/y.gguf' },
    'a/b:Q4_K_M': hub('a/b', { quantization: 'Q4_K_M' }),
    './a/b:Q4_K_M': { kind: 'path', path: './a/b:Q4_K_M' },
    'hf.co/a/b:Q4_K_M': hub('a/b', { quantization: 'Q4_K_M' }),
    'huggingface.co/a/b': hub('a/b'),
    'hf://a/b/x/y.gguf': hub('a/b', { file: 'x/y.gguf' }),
    'hf://models/a/b@v1.0': hub('a/b', { revision: 'v1.0' }),
    'hf:a/b@feat/x:Q4_K_M': hub('a/b', { revision: 'feat/x', quantization: 'Q4_K_M' }),
    'hf:a/b@feat/x': hub('a/b', { revision: 'feat/x' }),
    'hf:a/b@release/v1.0': hub('a/b', { revision: 'release/v1.0' }),
    'hf:a/b@main/y.gguf': hub('a/b', { revision: 'main', file: 'y.gguf' }),
    'https://hf.co/a/b': hub('a/b'),
    'https://huggingface.co/a/b/tree/main': hub('a/b'),
    'https://huggingface.co/a/b/tree/v1/Q4_K_M/': hub('a/b', { revision: 'v1', quantization: 'Q4_K_M' }),
    'https://huggingface.co/a/b/raw/feat%2Fx/y.gguf': hub('a/b', { revision: 'feat/x', file: 'y.gguf' }),
  };
  for (const [text, ref] of Object.entries(cases))
    it(`${text} is read`, () => expect(parseRef(text, options)).toEqual(ref));

  for (const text of [
    '',
    'hf:a',
    'hf:a/b:',
    'hf:a/b/../c.gguf',
    'hf:../b',
    'hf:a/b@../x',
    'hf:a/b@x y',
    'hf:a/b/c\\d.gguf',
    'hf:datasets/o/d/x',
    'https://huggingface.co/datasets/o/d',
    'hf://spaces/o/s',
  ]) {
    it(`"${text}" is refused`, () => expect(() => parseRef(text, options)).toThrow(/ref|hub/i));
  }

  it('of the Hub’s own address is one wherever HF_ENDPOINT leads', () => {
    const mirrored = { endpoint: 'https://mirror.example/hf' };
    const file = hub('a/b', { revision: 'main', file: 'y.gguf' });
    expect(parseRef('https://huggingface.co/a/b/resolve/main/y.gguf', mirrored)).toEqual(file);
    expect(parseRef('https://mirror.example/hf/a/b/resolve/main/y.gguf', mirrored)).toEqual(file);
  });

  it('of a data set says what it is', () => {
    expect(() => parseRef('hf:datasets/o/d/x')).toThrow(/"hf:datasets\/o\/d\/x" is a data set of the Hub/);
  });

  it('is written as it is read', () => {
    for (const text of ['hf:a/b', 'hf:a/b@v1:Q4_K_M', 'hf:a/b/x/y.gguf']) {
      const ref = parseRef(text);
      expect(ref.kind === 'hub' && formatHubRef(ref)).toBe(text);
    }
  });
});

describe('names from a server', () => {
  for (const path of ['../x', 'a/../b', '/etc/x', 'C:/x', 'a\\b', 'a//b', './a', 'a/\u0000', '']) {
    it(`${JSON.stringify(path)} is not made into a path`, () => expect(isSafePath(path)).toBe(false));
  }
  it('repositories and revisions are what the Hub allows', () => {
    expect(['a/b', 'a-b/c.d_e', 'A1/b2'].every(isRepoId)).toBe(true);
    expect(['a', 'a/b/c', '../b', 'a/..', 'a/b--c', 'a/.b'].some(isRepoId)).toBe(false);
    expect(['main', 'refs/pr/1', 'v1.0'].every(isRevision)).toBe(true);
  });
});

describe('the environment', () => {
  const home = '/home/me';
  it('is read in the order of huggingface_hub', () => {
    const folder = (env: Record<string, string>) => readHubSettings(env, home).cacheFolder;
    expect(folder({})).toBe('/home/me/.cache/huggingface/hub');
    expect(folder({ XDG_CACHE_HOME: '/x' })).toBe('/x/huggingface/hub');
    expect(folder({ XDG_CACHE_HOME: '/x', HF_HOME: '~/hf' })).toBe('/home/me/hf/hub');
    expect(folder({ HF_HOME: '/h', HUGGINGFACE_HUB_CACHE: '/u' })).toBe('/u');
    expect(folder({ HUGGINGFACE_HUB_CACHE: '/u', HF_HUB_CACHE: '$BASE/c', BASE: '/b' })).toBe('/b/c');
    expect(folder({ HF_HUB_CACHE: '', HF_HOME: '/h' })).toBe('/h/hub');
  });
  it('gives endpoint, token and offline', () => {
    const settings = readHubSettings(
      { HF_ENDPOINT: 'https://mirror.example//', HF_TOKEN: ' hf_x\n', HF_HUB_OFFLINE: 'Yes' },
      home,
    );
    expect(settings).toMatchObject({ endpoint: 'https://mirror.example', offline: true });
    expect(settings.token()).toBe('hf_x');
    expect(() => readHubSettings({ HF_ENDPOINT: 'mirror' }, home)).toThrow('HF_ENDPOINT');
  });
});

describe('the split of a file', () => {
  const span = fc
    .tuple(fc.nat(400), fc.nat(60))
    .map(([start, length]): [number, number] => [start, start + length]);
  it('into done and missing loses no byte', () => {
    fc.assert(
      fc.property(fc.array(span, { maxLength: 30 }), (spans) => {
        const done = new RangeSet(spans);
        const inSpans = new Set(
          spans.flatMap(([start, end]) => Array.from({ length: end - start }, (_, index) => start + index)),
        );
        expect(done.bytes).toBe(inSpans.size);
        const missing = done.gaps(500).reduce((sum, [start, end]) => sum + end - start, 0);
        expect(missing).toBe(500 - inSpans.size);
      }),
    );
  });
  it('among connections gives each byte to one, whatever they fail at', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.integer({ min: 1, max: 300 }), fc.nat(300), fc.boolean()), { maxLength: 40 }),
        (steps) => {
          const split = new RangeQueue([[0, 1000]]);
          const done = new RangeSet();
          let taken = 0;
          const work = (most: number, does: number) => {
            const claim = split.claim(most);
            if (claim === undefined) return false;
            const end = Math.min(claim.end, claim.position + does);
            done.add(claim.position, end);
            taken += end - claim.position;
            claim.position = end;
            split.release(claim);
            return true;
          };
          for (const [most, does, shorten] of steps) {
            if (shorten) split.shorten(most);
            work(most, does);
          }
          while (work(1000, 1000));
          expect(taken).toBe(1000);
          expect(done.bytes).toBe(1000);
        },
      ),
    );
  });
});
