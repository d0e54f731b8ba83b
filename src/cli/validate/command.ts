import { InvalidArgumentError } from 'commander';
import { shardOf } from '../../api/shard.ts';
import { VALIDATE_DEFAULTS } from '../../api/validate/request.ts';
import { SEVERITIES } from '../../schema/terms.ts';
import { define, option } from '../define.ts';
import { names, positiveNumber, wholeNumber } from '../options.ts';
import type { ValidateOptions } from './run.ts';

const FORMATS = [
  'text',
  'json',
  'ndjson',
  'junit',
  'sarif',
  'gitlab',
  'github',
] as const satisfies readonly ValidateOptions['format'][];

export const validateCommand = define({
  name: 'validate',
  description:
    'Checks GGUF files without loading them, by rules with stable names, and says where each is broken and what ' +
    'to do. Of a remote file that is not in the cache only the header is read, by range requests, and the report ' +
    'says so.\n' +
    'A ref is a file, a folder (all .gguf files below it), a pattern such as "models/**/*.gguf", an https:// ' +
    'address, hf:owner/repo[@revision][:QUANT|/file.gguf], a name of the catalogue (phi3:Q4_K_M), ' +
    'ollama:name[:tag], lmstudio:owner/repo, or nano.',
  arguments: { '[refs...]': 'the files to check' },
  options: [
    'Rules:',
    option('--rules <list>', 'only these rules or groups, separated by commas: header,tensor/offset', names),
    option('--severity <level>', 'report this and worse').choices(SEVERITIES),
    option(
      '--explain [rule]',
      'what a rule means, why, who checks it, what to do; without a name: all rules',
    ),
    option('--policy <file>', 'what this project accepts (default: quantscope.policy.json, if it is there)'),
    'Content:',
    option('--no-content', 'only the header: nothing is read of the weights'),
    option('--sha256 <hash>', 'the hash that the file must have', hash),
    option('--manifest <action>', 'hashes of the file and each tensor, in FILE.manifest.json').choices([
      'write',
      'check',
    ]),
    option(
      '--derived-from <ref>',
      'prove that each file comes from this one: quantize it again in memory and compare byte for byte',
    ),
    option(
      '-d, --device <name>',
      'a phone (quantscope fit --list-devices): whether llama.rn loads the file, and what its GPU leaves to the CPU',
    ),
    option('--conformance', 'also show what the model sees of each kind of conversation that apps have'),
    option('--load', 'also load each file in a process of its own and decode a token'),
    option(
      '--timeout <seconds>',
      'the longest a step of --load may take',
      positiveNumber,
      VALIDATE_DEFAULTS.timeout,
    ),
    'Correct:',
    option(
      '--fix <out>',
      'write a corrected copy of the one file, and check that: token types, EOT, add_eos_token, padding; weights stay',
    ),
    option(
      '--set <key=value>',
      'with --fix: a value of the metadata, or key:type=value; may be repeated',
      collected,
    ),
    option('--template <file>', 'with --fix: the chat template, from a file'),
    'Output:',
    option('--format <form>', 'how to print').choices(FORMATS).default('text'),
    option('--json', 'short for --format json (schema/validation.json)'),
    option('--ndjson', 'short for --format ndjson: a line for each file, as soon as it is checked'),
    option('-q, --quiet', 'no progress on stderr', undefined, false),
    'Many files:',
    option('-j, --jobs <n>', 'files at the same time (default: as many as there are cores)', wholeNumber(1)),
    option(
      '--shard <i/n>',
      'only the i-th of n shares of the files, from 1; auto: as GitLab, Slurm or QUANTSCOPE_SHARD=i/n say; auto/n for Kubernetes',
      (text: string) => shardOf(text, process.env),
    ),
    option(
      '--merge',
      'the refs are what --shard --json printed: put them together, and say so if one is missing',
    ),
  ],
  examples: [
    'validate model.gguf',
    'validate models/ --severity error',
    'validate phi3 hf:OWNER/REPO:Q8_0          headers alone, nothing is downloaded',
    'validate models/ --no-content --format sarif > quantscope.sarif',
    'validate model.gguf --sha256 4fed7364ee3e0c7cb4fe0880148bfdfcd1b630981efa0802a6b62ee52e7da97e',
    'validate models/ --manifest write         remember good files',
    'validate models/ --manifest check         which tensor changed since',
    'validate model-Q4_K_M.gguf --derived-from model-F16.gguf --severity note',
    'validate model.gguf --fix better.gguf --set general.license=mit',
    'validate model.gguf --device iphone-13-pro',
    'validate model.gguf --conformance         what the chat template makes of 14 conversations',
    'validate --merge shard-*.json --format junit > models.xml',
    'validate --explain tensor/offset',
  ],
  exitCode: '0 no errors, 1 a file has errors, 2 wrong use, 130 interrupted.',
  run: async ({ signal, program }, refs: string[], options: ValidateOptions) =>
    (await import('./run.ts')).runValidate(
      refs,
      { ...options, ...program.opts<{ config?: string | boolean }>() },
      signal,
    ),
});

function collected(text: string, before: readonly string[] = []): string[] {
  return [...before, text];
}

function hash(text: string): string {
  const digits = text.replace(/^sha256:/i, '').toLowerCase();
  if (!/^[0-9a-f]{64}$/.test(digits)) throw new InvalidArgumentError('Give 64 hexadecimal digits.');
  return digits;
}
