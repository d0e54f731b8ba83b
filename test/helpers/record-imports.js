// Preloaded with --import: writes the address of every module that is resolved to the file in RECORD_IMPORTS, a line each.
import { register } from 'node:module';

const HOOK = `
import { appendFileSync } from 'node:fs';
export async function resolve(specifier, context, next) {
  const resolved = await next(specifier, context);
  appendFileSync(process.env.RECORD_IMPORTS, resolved.url + '\\n');
  return resolved;
}`;

register(`data:text/javascript,${encodeURIComponent(HOOK)}`);
