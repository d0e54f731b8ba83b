import { VARIANTS_DEFAULTS } from '../../api/variants/request.ts';
import { define, option } from '../define.ts';
import { tokenCount } from '../options.ts';
import type { VariantsOptions } from './run.ts';

export const variantsCommand = define({
  name: 'variants',
  description:
    'Lists the GGUF models of a repository of the Hub and reads their headers by range requests: a few hundred ' +
    'kilobytes each, no download. A repo is hf:owner/repo[@revision], owner/repo, or a name of the catalogue; ' +
    'without one the catalogue itself is shown.',
  arguments: { '[repo]': 'the repository (default: the catalogue)' },
  options: [
    option(
      '-c, --context <n>',
      'tokens of context for the estimate of memory',
      tokenCount(1),
      VARIANTS_DEFAULTS.context,
    ),
    option('--json', 'print the table as JSON'),
    option('-q, --quiet', 'no notices on stderr'),
  ],
  examples: [
    'variants                       the catalogue: names, licences, prompt facts',
    'variants phi3',
    'variants bartowski/Llama-3.2-1B-Instruct-GGUF --context 8192',
  ],
  notes:
    '\nA catalogue of your own, laid over the built-in one: the file QUANTSCOPE_CATALOGUE names, or\n' +
    'catalogue.json in the config folder; its schema is schema/catalogue.json.\n',
  exitCode: '0 done, 1 a header cannot be read, 2 wrong use, no network or no such repository.',
  run: async ({ signal }, repo: string | undefined, options: VariantsOptions) => {
    const { runCatalogue, runVariants } = await import('./run.ts');
    return repo === undefined ? runCatalogue(options, signal) : runVariants(repo, options, signal);
  },
});
