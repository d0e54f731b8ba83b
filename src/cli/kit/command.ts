import { KIT_BACKENDS } from '../../api/kit/request.ts';
import { COMMON_CACHE_TYPES } from '../../schema/terms.ts';
import { define, option } from '../define.ts';
import { positiveNumber, threadCount, tokenCount } from '../options.ts';
import { SHARED } from '../shared-options.ts';
import type { KitCheckOptions, KitOptions } from './run.ts';

const check = define({
  name: 'check',
  description: 'compares what runQuantscopeKit returned on a phone with golden.json',
  arguments: { '<results.json>': 'what the app saved' },
  options: [
    option(
      '-g, --golden <file>',
      'of the kit (default: golden.json beside the results, then in quantscope-kit)',
    ),
    option(
      '--min-sustained-tps <n>',
      'tokens a second that the phone must sustain over its minutes of use',
      positiveNumber,
    ),
    option(
      '--battery-wh <n>',
      'what its battery holds, for joules (default: of a new one, where fit knows the phone)',
      positiveNumber,
    ),
    option('--learn', 'keep the speed for fit, in devices.json of the config folder'),
    option(
      '-d, --device <name>',
      'with --learn: the phone it was (default: the one the kit was written for)',
    ),
    option('--devices <file>', 'with --learn: keep it in this file'),
    option('--json', 'print the comparison as JSON (schema/kit-check.json)'),
  ],
  examples: [
    'kit check results.json --golden app/src/llm/golden.json',
    'kit check results.json --min-sustained-tps 8 --battery-wh 12.4',
  ],
  exitCode:
    '0 the phone computes the same, 1 it does not or is slower than asked, 2 wrong use or files that do not belong together.',
  run: async ({ signal }, results: string, options: KitCheckOptions) =>
    (await import('./run.ts')).runKitCheck(results, options, signal),
});

export const kitCommand = define({
  name: 'kit',
  description:
    'Writes a folder for an app with llama.rn: llama-rn.ts with the parameters for the phone, each with its ' +
    'reason, and a benchmark to run there; golden.json, what the file answers here, token by token; and a README. ' +
    'kit check reads what the phone returned.',
  arguments: { '<ref>': 'one model: a file, hf:owner/repo:QUANT, phi3:Q4_K_M, nano:Q4_K_M' },
  options: [
    option('-d, --device <name>', 'the phone (quantscope fit --list-devices); without it, any phone’s CPU'),
    option(
      '-c, --context <n>',
      'tokens of context (default: as trained, at most 4096, less where that does not fit)',
      tokenCount(512),
    ),
    option(
      '--cache-type <type>',
      'of keys and values (default: f16, or smaller where that does not fit)',
    ).choices(COMMON_CACHE_TYPES),
    option('--backend <name>', 'what runs it on the phone (default: its fastest)').choices(KIT_BACKENDS),
    option('--devices <file>', 'more phones, as JSON (schema/devices.json)'),
    option('-o, --out <folder>', 'where to write', undefined, 'quantscope-kit'),
    option('-f, --force', 'replace a kit that is there'),
    option('-t, --threads <n>', "threads here (default: llama.cpp's choice)", threadCount),
    SHARED.timeout(),
    SHARED.yes(),
    SHARED.quiet('nothing on stderr'),
  ],
  examples: [
    'kit phi3:Q4_K_M --device iphone-13-pro --out app/src/llm',
    'kit model.gguf --device galaxy-s23 --backend cpu --context 2048',
    'kit check results.json --golden app/src/llm/golden.json',
  ],
  exitCode:
    '0 done, 1 kit check found that the phone computes something else or is too slow, 2 wrong use or a file that cannot be read.',
  subcommands: [check],
  run: async ({ signal }, ref: string, options: KitOptions) =>
    (await import('./run.ts')).runKit(ref, options, signal),
});
