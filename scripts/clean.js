// Empties dist/, so that a module that was removed or renamed does not live on in the package.
import { rm } from 'node:fs/promises';

await rm(new URL('../dist/', import.meta.url), { recursive: true, force: true });
