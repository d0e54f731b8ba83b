import { FIT_DEFAULTS } from '../../api/fit/request.ts';
import { COMMON_CACHE_TYPES } from '../../schema/terms.ts';
import { define, option } from '../define.ts';
import { gateOptions } from '../gate-options.ts';
import { fileSize, names, tokenCount } from '../options.ts';
import type { FitOptions } from './run.ts';

export const fitCommand = define({
  name: 'fit',
  description:
    'Judges models on phones before anything is downloaded or built: memory from the header against what the phone ' +
    'gives an app, speed from measurements of phones, or predicted from them with an interval. A ref is a file, a ' +
    'folder, hf:owner/repo, a name of the catalogue, or nano.',
  arguments: { '[refs...]': 'the models' },
  options: [
    option('-d, --device <names>', 'phones, separated by commas', names, [], 'none'),
    option('--all-devices', 'every phone that is known'),
    option('-c, --context <n>', 'tokens of context', tokenCount(1), FIT_DEFAULTS.context),
    option('--cache-type <type>', 'type of keys and values in the cache')
      .choices(COMMON_CACHE_TYPES)
      .default(FIT_DEFAULTS.cacheType),
    option(
      '--flash-attention <how>',
      'as the app will have it (default: on, but off on OpenCL, as llama.cpp decides)',
    ).choices(['on', 'off']),
    option(
      '--budget <size>',
      'memory for the model, such as 3GB or 2.5GiB, instead of the phones’ own; needs no phone',
      bytesOrSize,
    ),
    option('--plan', 'ask llama.cpp what cache and compute buffer would take, instead of the formulas'),
    option('--devices <file>', 'more phones, as JSON (schema/devices.json)'),
    option('--list-devices', 'list the phones and what is known of them'),
    option('--require', 'exit with 1 where nothing fits one of the phones'),
    option('--json', 'print the verdicts as JSON'),
    option('-q, --quiet', 'no notices on stderr'),
    ...gateOptions(),
  ],
  examples: [
    'fit phi3 --device iphone-13-pro,galaxy-s23',
    'fit models/ --device 6gb-phone --context 4096 --cache-type q8_0',
    'fit models/ --device iphone-13-pro --fail-if "any.memory.headroomBytes < 200MB"',
    'fit phi3:Q4_K_M -d galaxy-s23 --plan',
    'fit phi3 --budget 3GB                          without a phone: memory alone',
    'fit --list-devices',
  ],
  exitCode:
    '0 done, 1 a gate failed, or with --require nothing fits a phone, 2 wrong use or a model that cannot be read.',
  run: async ({ signal }, refs: string[], options: FitOptions) =>
    (await import('./run.ts')).runFit(refs, options, signal),
});

/** Bytes as they are, or with a unit. */
function bytesOrSize(text: string): number {
  // Fewer bytes hold no model: 3 is meant to be 3GB.
  return /^[1-9]\d{5,14}$/.test(text.trim()) ? Number(text) : fileSize(text);
}
