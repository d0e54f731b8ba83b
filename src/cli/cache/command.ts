import { define, option } from '../define.ts';
import type { CacheOptions } from './run.ts';

const NAMED =
  'owner/repo, hf:owner/repo[@revision][:QUANT | /file], an address, a name of the catalogue, or made[:FILE]';

const list = define({
  name: 'list',
  description: 'the models in the cache, with their sizes and unfinished downloads',
  options: [option('--json', 'print the list as JSON')],
  run: async ({ signal }, options: CacheOptions) => (await import('./run.ts')).runCacheList(options, signal),
});

const verify = define({
  name: 'verify',
  description: 'reads files whole and compares them with the hashes they are named by',
  arguments: { '[repos...]': `${NAMED} (default: all)` },
  options: [option('--json', 'print the verdicts as JSON')],
  exitCode: '0 all are intact, 1 a file is damaged or cannot be read.',
  run: async ({ signal }, refs: string[], options: CacheOptions) =>
    (await import('./run.ts')).runCacheVerify(refs, options, signal),
});

const remove = define({
  name: 'remove',
  description: 'removes models, or unfinished downloads with --partials',
  arguments: { '[repos...]': NAMED },
  options: [
    option(
      '--partials',
      'only unfinished downloads and what nothing needs any more (default: of all repositories)',
    ),
    option('-y, --yes', 'do not ask'),
    option('--json', 'print what was removed as JSON'),
  ],
  run: async ({ signal }, refs: string[], options: CacheOptions) =>
    (await import('./run.ts')).runCacheRemove(refs, options, signal),
});

export const cacheCommand = define({
  name: 'cache',
  description:
    'Looks after the cache that pull fills and that huggingface_hub and llama.cpp share, and the files that pull ' +
    'fetched from other addresses, and the files that compare --make made.',
  examples: [
    'cache                               what is there, and where',
    'cache verify phi3                   is it still what was downloaded',
    'cache remove phi3:Q8_0',
    'cache remove made                   all that compare --make made',
    'cache remove --partials             unfinished downloads',
  ],
  subcommands: [list, verify, remove],
});
