import { defineConfig } from 'vitest/config';
import { RUNNERS } from './src/util/shown-text.ts';

// What the program does otherwise where a CI runner reads it, a test asks for by itself.
for (const name of RUNNERS) delete process.env[name];

/** Where .ci/run wants the counts. */
const report = process.env['TEST_REPORT'];

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    reporters: report === undefined ? ['default'] : ['default', ['json', { outputFile: report }]],
    // Real engines and installs run in tests: their limit is patience, not speed.
    testTimeout: 120_000,
    hookTimeout: 120_000,
    // Two cores: more workers would only make the engine's threads wait for each other.
    maxWorkers: 2,
    // A process of its own for each file would load the sources anew 130 times, a third of the suite's CPU time. What a
    // test changes of its process (variables, listeners) it puts back.
    isolate: false,
    coverage: { include: ['src/**'], exclude: ['src/index.ts'] },
  },
});
