// Who may import whom: the one place that says it. `npm run docs` writes from it what the linter enforces
// (biome.layers.json), the table in docs/architecture.md, and the picture there.

/** What several layers may import besides other layers. */
const NODE = ['node:*', 'node:*/*'];

/** All below the library. */
const LOWER = [
  'util',
  'io',
  'gguf',
  'schema',
  'machine',
  'hub',
  'model',
  'engine',
  'validate',
  'device',
  'quantize',
  'measure',
  'report',
];

/**
 * The folders of src, from the foundation up. A layer imports itself, the layers and packages that stand here, and
 * nothing else; `only` says that of single files, `files` which of a layer's files may be imported.
 */
export const LAYERS = [
  {
    name: 'util',
    does: 'errors with code and hint, units, text, the package’s own files, the one writer of outputs',
    not: 'import another layer',
    packages: ['node:fs', 'node:fs/promises', 'node:path', 'jsonc-parser'],
    only: { 'output-file.ts': [...NODE, 'write-file-atomic'] },
  },
  {
    name: 'io',
    does: 'bytes from files and HTTP behind one interface; a short read throws',
    not: 'know what it reads',
    imports: ['util'],
    packages: [...NODE, 'http-proxy-agent', 'https-proxy-agent'],
  },
  {
    name: 'gguf',
    does: 'the format: parse, dequantize, write',
    not: 'wait for anything: bytes in, header out',
    imports: ['util', 'io'],
    files: { io: 'byte-source.ts' },
    packages: ['node:crypto'],
  },
  {
    name: 'schema',
    does: 'every published document once, as zod; its type is inferred',
    not: 'compute',
    imports: ['util', 'gguf'],
    packages: ['zod'],
  },
  {
    name: 'machine',
    does: 'what this machine is and does: its name, cores, memory and load, within the limits of a container',
    not: 'measure a model',
    imports: ['util', 'schema'],
    packages: NODE,
  },
  {
    name: 'hub',
    does: 'listings, downloads, the cache',
    not: 'leave the Hub’s client to another layer: only it imports @huggingface/hub',
    imports: ['util', 'io', 'gguf', 'schema'],
    packages: [...NODE, '@huggingface/hub'],
  },
  {
    name: 'model',
    does: 'refs, the catalogue, `Model`: its files, open, and its header',
    not: 'ask or print on a terminal: `confirm`, `progress` and `notice` are handed in',
    imports: ['util', 'io', 'gguf', 'schema', 'hub'],
    packages: [...NODE, 'zod', 'env-paths'],
  },
  {
    name: 'engine',
    does: 'llama.cpp behind an interface, in a process of its own',
    not: 'leak: single files import its packages',
    imports: ['util', 'schema', 'machine'],
    packages: NODE,
    only: {
      'node-llama-cpp.ts': ['node-llama-cpp'],
      'llama-cpp/library.ts': ['koffi'],
      'llama-cpp/die-with-parent.ts': ['koffi'],
      'llama-cpp/memory-view.ts': ['koffi'],
      'llama-cpp/memory-breakdown.ts': ['koffi'],
      'render-worker.ts': ['@huggingface/jinja'],
    },
  },
  {
    name: 'validate',
    does: 'a rule an entry, with a stable name',
    not: 'throw for a dubious file: it returns diagnostics',
    imports: ['util', 'gguf', 'schema'],
    packages: ['node:crypto', 'marked'],
  },
  {
    name: 'device',
    does: 'phones, memory, speed model, the app’s kit',
    not: 'read files or measure',
    imports: ['util', 'gguf', 'schema'],
    packages: ['simple-statistics'],
  },
  {
    name: 'quantize',
    does: 'recipes of llama-quantize, importance matrices',
    not: 'run llama.cpp: the engine does',
    imports: ['util', 'io', 'gguf'],
    files: { io: 'byte-source.ts' },
    packages: [],
  },
  {
    name: 'measure',
    does: 'methods and statistics: samples in, results out',
    not: 'print',
    imports: ['util', 'gguf', 'schema', 'machine', 'device', 'engine'],
    packages: [...NODE, 'zod', 'simple-statistics'],
  },
  {
    name: 'report',
    does: 'documents in, text out',
    not: 'read or write, but for the page’s own style and script',
    imports: ['util', 'schema', 'measure', 'validate', 'device'],
    packages: ['echarts', 'echarts/*'],
    only: { 'finding-gitlab.ts': ['node:crypto'] },
  },
  {
    name: 'api',
    does: 'the library, a folder for each command: request in, document out',
    not: 'know of a terminal',
    imports: LOWER,
    packages: [...NODE, '@huggingface/jinja', 'env-paths', 'openai', 'tinyglobby', 'zod'],
  },
  {
    name: 'cli',
    does: 'argv to a request, a document to stdout, progress, exit codes',
    not: 'be imported',
    imports: [...LOWER, 'api'],
    packages: [...NODE, 'chalk', 'cli-progress', 'commander', 'env-paths', 'lilconfig', 'zod'],
  },
];

/** The library as published, which programs import: nothing but re-exports. */
export const ENTRY = {
  name: 'index.ts',
  does: 'the library as it is published: re-exports of api',
  not: 'hold anything of its own',
  imports: ['api'],
};

/**
 * The linter's rules: noRestrictedImports for the files of each layer, for each file with a package of its own, and
 * for the library's entry.
 */
export function fence() {
  return {
    overrides: [
      ...LAYERS.flatMap((layer) => [
        ...['*', '*/*', '*/*/*'].map((files, depth) =>
          override(layer, depth + 1, `${files}.ts`, layer.packages),
        ),
        ...Object.entries(layer.only ?? {}).map(([file, packages]) =>
          override(layer, file.split('/').length, file, [...layer.packages, ...packages]),
        ),
      ]),
      restricted(
        `src/${ENTRY.name}`,
        ['**', ...ENTRY.imports.map((to) => `!./${to}/**`)],
        `${ENTRY.name} re-exports ${ENTRY.imports.join(', ')}, and nothing else.`,
      ),
    ],
  };
}

/** @param depth folders from a file up to src */
function override({ name, imports = [], files = {} }, depth, includes, packages) {
  const src = '../'.repeat(depth);
  const message = `${name} imports ${imports.join(', ') || 'no other layer'}, and the packages that scripts/layers.js names.`;
  // The last pattern that matches decides: nothing, but for the layer itself, nothing above it, but for others.
  const group = [
    ...['**', '!./**', ...(depth > 1 ? ['!../**', `${src}**`] : []), `!${src}${name}/**`],
    ...imports.map((to) => `!${src}${to}/${files[to] ?? '**'}`),
    ...packages.map((each) => `!${each}`),
  ];
  return restricted(`src/${name}/${includes}`, group, message);
}

function restricted(files, group, message) {
  const noRestrictedImports = { level: 'error', options: { patterns: [{ group, message }] } };
  return {
    includes: [files],
    linter: { rules: { style: { noRestrictedImports } } },
  };
}

/** The table of docs/architecture.md, the highest layer first. */
export function layerTable() {
  const rows = [ENTRY, ...LAYERS.toReversed()].map(
    ({ name, does, not, imports = [] }) =>
      `| \`src/${name}\` | ${does} | ${not} | ${imports.join(', ') || '—'} |`,
  );
  return ['| layer | does | may not | imports |', '| --- | --- | --- | --- |', ...rows].join('\n');
}
