import type { Command } from 'commander';
import type { CommandContext } from './command-context.ts';

/** What the list of commands says of one. Its options and its work are loaded where it is asked for. */
export interface CommandEntry {
  readonly name: string;
  /** What follows the name on a command line. */
  readonly usage?: string;
  readonly summary: string;
  readonly load: () => Promise<(context: CommandContext) => Command>;
}

/** Every command, under the heading that help shows it by. A new one is an entry here. */
export const COMMANDS: Readonly<Record<string, readonly CommandEntry[]>> = {
  'Measure:': [
    {
      name: 'compare',
      usage: '[options] [refs...]',
      summary: 'size, speed, memory and accuracy of several quantizations, and which one to ship',
      load: async () => (await import('./compare/command.ts')).compareCommand,
    },
    {
      name: 'eval',
      usage: '[options] [refs...]',
      summary: 'what each quantization loses: perplexity, KL divergence, tasks, flips, multiple choice',
      load: async () => (await import('./eval/command.ts')).evalCommand,
    },
    {
      name: 'bench',
      usage: '[options] <refs...>',
      summary: "speed by llama-bench's method, over a grid of settings",
      load: async () => (await import('./bench/command.ts')).benchCommand,
    },
    {
      name: 'context',
      usage: '[options] <ref>',
      summary: 'memory and speed as the context grows, by KV-cache type; the largest that fits',
      load: async () => (await import('./context/command.ts')).contextCommand,
    },
    {
      name: 'run',
      usage: '[options] <ref> [prompt...]',
      summary: 'a reply as it comes, a chat on a terminal, or a look into how each token is chosen',
      load: async () => (await import('./run/command.ts')).runCommand,
    },
  ],
  'Look:': [
    {
      name: 'inspect',
      usage: '[options] <refs...>',
      summary: 'what is in a GGUF file: model, metadata, tensors, quantization by layer, memory',
      load: async () => (await import('./inspect/command.ts')).inspectCommand,
    },
    {
      name: 'diff',
      usage: '[options] <a> <b>',
      summary: 'two GGUF files: metadata, tensor types, and the error of the weights',
      load: async () => (await import('./diff/command.ts')).diffCommand,
    },
    {
      name: 'validate',
      usage: '[options] [refs...]',
      summary: 'check GGUF files by rules: structure, content, architecture, vocabulary, template, shards',
      load: async () => (await import('./validate/command.ts')).validateCommand,
    },
    {
      name: 'report',
      usage: '[options] <results...>',
      summary: 'saved results as a web page, Markdown, CSV or a table; several machines; what changed',
      load: async () => (await import('./report/command.ts')).reportCommand,
    },
  ],
  'Get:': [
    {
      name: 'variants',
      usage: '[options] [repo]',
      summary: 'the quantizations a repository offers: bytes, bits per weight, memory',
      load: async () => (await import('./variants/command.ts')).variantsCommand,
    },
    {
      name: 'pull',
      usage: '[options] <refs...>',
      summary: 'resumable, verified download into the Hugging Face cache',
      load: async () => (await import('./pull/command.ts')).pullCommand,
    },
    {
      name: 'cache',
      summary: 'what the Hugging Face cache holds: list, verify, remove',
      load: async () => (await import('./cache/command.ts')).cacheCommand,
    },
  ],
  'Make:': [
    {
      name: 'quantize',
      usage: '[options] [source] [recipes...]',
      summary: 'make the variants of a model, byte for byte as llama-quantize does',
      load: async () => (await import('./quantize/command.ts')).quantizeCommand,
    },
    {
      name: 'imatrix',
      usage: '[options] <model>',
      summary: 'an importance matrix: how strongly each column of the weights is used on a text',
      load: async () => (await import('./imatrix/command.ts')).imatrixCommand,
    },
    {
      name: 'mix',
      usage: '[options] <source>',
      summary: 'the file that loses least for its size: a type for each tensor, measured and proven',
      load: async () => (await import('./mix/command.ts')).mixCommand,
    },
  ],
  'Ship:': [
    {
      name: 'fit',
      usage: '[options] [refs...]',
      summary: 'will it fit on that phone, and how fast will it be',
      load: async () => (await import('./fit/command.ts')).fitCommand,
    },
    {
      name: 'kit',
      usage: '[options] <ref>',
      summary: 'what an app needs to run a model, and to prove that a phone computes the same',
      load: async () => (await import('./kit/command.ts')).kitCommand,
    },
    {
      name: 'card',
      usage: '[options] <ref or results.json>',
      summary: 'a model card from facts and measurements; card check tests a card’s claims',
      load: async () => (await import('./card/command.ts')).cardCommand,
    },
  ],
  'This machine:': [
    {
      name: 'doctor',
      usage: '[options]',
      summary: 'what this machine can run: engine, CPU, GPUs, memory, cache, network, config',
      load: async () => (await import('./doctor/command.ts')).doctorCommand,
    },
    {
      name: 'engine',
      summary: 'which builds of llama.cpp there are, and compile one for this machine',
      load: async () => (await import('./engine/command.ts')).engineCommand,
    },
    {
      name: 'completion',
      usage: '<shell>',
      summary: 'a script that completes commands, options and models in bash, zsh or fish',
      load: async () => (await import('./completion/command.ts')).completionCommand,
    },
  ],
};
