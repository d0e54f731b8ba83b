// Builds dist/ (npm run build): the program and the library in few files, and the library's types.
//
// - The program is CommonJS. Node loads it without its loader of ES modules, which is a quarter of what `--help` takes
//   (npm run bench:startup). What it needs of npm is in the bundle, except for what is native or large and seldom
//   asked for; each command's work is a chunk of its own.
// - The library and the engine's processes are ES modules: node-llama-cpp is one, with top-level await.
// - Files that are started by their path, as processes or threads, keep their names.
import { execFile } from 'node:child_process';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { build } from 'rolldown';

const ROOT = new URL('../', import.meta.url);
const { dependencies } = JSON.parse(await readFile(new URL('package.json', ROOT), 'utf8'));

/** Of the program's dependencies, those that stay packages: jsonc-parser requires its files by names no bundler follows. */
const SEPARATE = ['echarts', 'jsonc-parser', 'koffi', 'node-llama-cpp', 'openai'];

const PROGRAM = {
  cli: 'src/cli/main.ts',
  'content-worker': 'src/api/validate/content-worker.ts',
  'diff-worker': 'src/api/diff/worker.ts',
  'guarded-child': 'src/engine/guarded-child.ts',
  'own-process-worker': 'src/api/validate/own-process-worker.ts',
  'render-worker': 'src/engine/render-worker.ts',
  'template-worker': 'src/api/validate/template-worker.ts',
};
/** What the quick commands load, with all that it imports: a file costs Node more than the lines in it. */
const TOGETHER = [
  {
    name: 'base',
    test: /src\/(?:api\/host|cli\/(?:config|define|environment|exit|options|sink|suggest)|util\/package-files)\.ts$/,
    priority: 3,
  },
  { name: 'inspect', test: /src\/cli\/inspect\/run\.ts$/, priority: 2 },
  { name: 'validate', test: /src\/cli\/validate\/run\.ts$/, priority: 1 },
];
const LIBRARY = {
  index: 'src/index.ts',
  'engine-child': 'src/engine/child.ts',
  'engine-build': 'src/engine/build-child.ts',
  'engine-score': 'src/engine/score-worker.ts',
};

/**
 * Commander asks for Node's child processes when it is loaded, and they for sockets: it starts programs of its own for
 * subcommands, of which there are none here.
 */
const withoutSubprograms = {
  name: 'without-subprograms',
  resolveId: (id, importer) => (isSubprograms(id, importer) ? '\0none' : null),
  load: (id) => (id === '\0none' ? 'export {};' : null),
};

function isSubprograms(id, importer) {
  return id === 'node:child_process' && importer?.includes('/node_modules/commander/') === true;
}

/** lilconfig asks for node:fs/promises when it is loaded, see src/io/callback-fs.ts; its synchronous search uses none of it. */
const withoutFilePromises = {
  name: 'without-file-promises',
  transform(code, id) {
    if (!id.endsWith('/lilconfig/src/index.js')) return null;
    const changed = code.replace('= fs.promises.readFile;', '= undefined;');
    if (changed === code) throw new Error('lilconfig asks for no fs.promises any more: remove this plugin');
    return { code: changed, map: null };
  },
};

await rm(new URL('dist/', ROOT), { recursive: true, force: true });
const [modules] = await Promise.all([
  bundle(PROGRAM, { format: 'cjs', extension: 'cjs', external: SEPARATE, groups: TOGETHER }),
  bundle(LIBRARY, { format: 'es', extension: 'js', external: Object.keys(dependencies) }),
  promisify(execFile)(process.execPath, ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.build.json'], {
    cwd: ROOT,
  }).catch(({ stdout }) => {
    throw new Error(stdout);
  }),
]);
await writeFile(new URL('dist/THIRD-PARTY.txt', ROOT), await licencesOf(modules));

/** @returns the paths of the modules in the bundle */
async function bundle(input, { format, extension, external, groups = [] }) {
  const isPackage = (id) => external.some((name) => id === name || id.startsWith(`${name}/`));
  const { output } = await build({
    cwd: fileURLToPath(ROOT),
    input,
    external: (id, importer) => !isSubprograms(id, importer) && (id.startsWith('node:') || isPackage(id)),
    platform: 'node',
    // Functions of the library import their work late: worth it where nothing else has loaded it.
    checks: { ineffectiveDynamicImport: false },
    plugins: [withoutSubprograms, withoutFilePromises],
    transform: { target: 'node20.19' },
    output: {
      dir: 'dist',
      format,
      entryFileNames: `[name].${extension}`,
      chunkFileNames: `chunks/[name]-[hash].${extension}`,
      codeSplitting: { groups },
      // Not shipped: names the modules of a file, for tests and profiles.
      sourcemap: 'hidden',
      sourcemapExcludeSources: true,
      // Names of functions and classes stay, for traces.
      minify: { compress: true, mangle: { keepNames: true }, codegen: { removeWhitespace: true } },
    },
  });
  return output.flatMap(({ moduleIds = [] }) => moduleIds);
}

/** The licences of the packages whose code is in the bundle, as their authors want it. */
async function licencesOf(paths) {
  const folders = new Set(
    paths.flatMap((path) => /^.*\/node_modules\/(?:@[^/]+\/)?[^/]+(?=\/)/.exec(path)?.[0] ?? []),
  );
  const texts = [...folders].sort().map(async (folder) => {
    const { name, version, license } = JSON.parse(await readFile(`${folder}/package.json`, 'utf8'));
    const files = ['LICENSE', 'LICENSE.md', 'license', 'LICENSE.txt', 'LICENCE'];
    const read = await Promise.all(
      files.map((file) => readFile(`${folder}/${file}`, 'utf8').catch(() => '')),
    );
    return `${name} ${version} (${license})\n\n${read.find((text) => text !== '') ?? ''}`.trim();
  });
  return `${(await Promise.all(texts)).join(`\n\n${'-'.repeat(80)}\n\n`)}\n`;
}
