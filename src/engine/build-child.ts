import { messageOf } from '../util/errors.ts';
import type { BuildOutcome } from './build.ts';
import type { GpuChoice } from './engine.ts';
import { EngineError } from './errors.ts';
import { compileLlama } from './node-llama-cpp.ts';

/** The build's process: compiles, says how it went, and ends. Its output is git's, cmake's and the compiler's. */

// The parent is gone: the compilers go too. Asked rather than killed, ninja ends those it has started.
process.on('disconnect', () =>
  process.kill(process.platform === 'win32' ? process.pid : -process.pid, 'SIGTERM'),
);

process.send?.(await outcome(process.argv[2]), () => process.exit(0));

async function outcome(asked: string | undefined): Promise<BuildOutcome> {
  try {
    // The parent passes a GpuChoice and nothing else.
    return { built: await compileLlama(asked as GpuChoice) };
  } catch (thrown) {
    const message = messageOf(thrown).split('\n')[0] ?? '';
    if (thrown instanceof EngineError) return { failed: { code: thrown.code, message } };
    return { failed: { code: 'engine/build-failed', message } };
  }
}
