import { define, option } from '../define.ts';
import { SHARED } from '../shared-options.ts';
import type { EngineBuildOptions, EngineOptions } from './run.ts';

const list = define({
  name: 'list',
  description: 'the builds, each started once, and which of them sessions take',
  options: [option('--json', 'print them as JSON')],
  exitCode: '0 an engine starts, 2 none does.',
  run: async ({ signal }, options: EngineOptions) =>
    (await import('./run.ts')).runEngineList(options, signal),
});

const build = define({
  name: 'build',
  description:
    'compiles llama.cpp here: some minutes, with git, cmake, make and a C++ compiler (and the SDK of the GPU). It ' +
    'lies inside node_modules and is gone when node-llama-cpp is installed again. A build made before is replaced.',
  options: [
    SHARED.gpu('the backend to build; auto is the best this machine has the tools for'),
    option('--verbose', 'show all that cmake and the compiler say'),
    option('--json', 'print the build as JSON'),
    SHARED.quiet(),
  ],
  run: async ({ signal }, options: EngineBuildOptions) =>
    (await import('./run.ts')).runEngineBuild(options, signal),
});

const remove = define({
  name: 'remove',
  description: 'removes the local builds and the source unpacked for them: sessions take the prebuilt again',
  options: [option('--json', 'print what was removed as JSON')],
  run: async (_, options: EngineOptions) => (await import('./run.ts')).runEngineRemove(options),
});

export const engineCommand = define({
  name: 'engine',
  description:
    'llama.cpp comes from npm as binaries for many machines. Compiled here, from the source that comes with them and ' +
    'without a network, it uses this very CPU and OpenMP. Sessions then take the local build by themselves; ' +
    'QUANTSCOPE_ENGINE=prebuilt or local says otherwise for one run, and every result names the build that ran.',
  examples: [
    'engine                              the builds, and which is in use',
    'engine build                        compile one for this CPU',
    'engine build --gpu vulkan',
    'QUANTSCOPE_ENGINE=prebuilt quantscope bench nano',
  ],
  subcommands: [list, build, remove],
});
