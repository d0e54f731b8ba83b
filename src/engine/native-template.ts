import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { messageOf } from '../util/errors.ts';
import { findBinary } from './binaries.ts';
import { TemplateFault } from './template-fault.ts';

/** A chat template, compiled. */
export interface NativeTemplate {
  /** @throws TemplateFault */
  render(variables: Readonly<Record<string, unknown>>): string;
}

/** Compiles a template. @throws TemplateFault where llama.cpp cannot parse it */
export type NativeCompiler = (text: string) => NativeTemplate;

/** node-llama-cpp's addon, of which the renderer alone is used. */
interface Addon {
  readonly AddonJinjaRenderer?: new (text: string) => NativeTemplate;
}

/**
 * llama.cpp's own renderer of chat templates (common/jinja), which node-llama-cpp's addon hands on; null where it is
 * not there. Loading it sets llama.cpp's log anew.
 * @param folder with llama.cpp's libraries
 */
export function nativeCompiler(folder: string): NativeCompiler | null {
  const path = join(folder, 'llama-addon.node');
  if (!existsSync(path)) return null;
  // Its types are node-llama-cpp's own, whose version is pinned.
  const { AddonJinjaRenderer: Renderer } = createRequire(path)(path) as Addon;
  if (Renderer === undefined) return null;
  return (text) => {
    const template = told(() => new Renderer(text));
    return { render: (variables) => told(() => template.render(variables)) };
  };
}

/** The same without an engine: of the libraries for the CPU. null where they are not installed. */
export async function findNativeCompiler(): Promise<NativeCompiler | null> {
  try {
    const { folder } = await findBinary('off', 'auto');
    return nativeCompiler(folder);
  } catch {
    return null;
  }
}

/** What `raise_exception` was given; llama.cpp puts it behind a drawing of the place. */
const REFUSAL = /Error: Jinja Exception: ([\s\S]*)$/;
const COMPLAINT = /(?:line (\d+), column (\d+)[\s\S]*)?(?:Error|failed to compile template): ([^\n]+)/;

function told<Value>(action: () => Value): Value {
  try {
    return action();
  } catch (cause) {
    const message = messageOf(cause);
    const refusal = REFUSAL.exec(message)?.[1];
    if (refusal !== undefined) throw new TemplateFault(refusal.trim(), true, { cause });
    const [, line, column, reason = message] = COMPLAINT.exec(message) ?? [];
    const place = line === undefined ? '' : ` (line ${line}, column ${column})`;
    throw new TemplateFault(`${reason.trim()}${place}`, false, { cause });
  }
}
