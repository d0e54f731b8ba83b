import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

/** Fits of the speed model take a minute and more. */
export default defineConfig({
  root: fileURLToPath(new URL('../..', import.meta.url)),
  test: { include: ['bench/phones/*.long.ts'], testTimeout: 600_000, maxWorkers: 1 },
});
