// Preloaded with --import: writes to the file in RECORD_IMPORTS, a line each, the address of every ES module that is
// resolved, and at the end the path of every CommonJS module that was loaded.
import { appendFileSync } from 'node:fs';
import { createRequire, register } from 'node:module';

const HOOK = `
import { appendFileSync } from 'node:fs';
export async function resolve(specifier, context, next) {
  const resolved = await next(specifier, context);
  appendFileSync(process.env.RECORD_IMPORTS, resolved.url + '\\n');
  return resolved;
}`;

register(`data:text/javascript,${encodeURIComponent(HOOK)}`);
const { cache } = createRequire(import.meta.url);
process.on('exit', () => appendFileSync(process.env['RECORD_IMPORTS'] ?? '', Object.keys(cache).join('\n')));
