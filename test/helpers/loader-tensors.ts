/**
 * Finds out which tensors llama.cpp's loader wants for the metadata of a small model: it names the first that is absent
 * or of another shape, again and again. A process of its own, since an assertion ends it. Arguments: the engine's
 * folder, a folder for files, then models as JSON (architecture, and changes of the small model); prints a line for each.
 */
import { closeSync, ftruncateSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { ENUMS } from '../../src/engine/llama-cpp/declarations.ts';
import { loadLlamaCpp } from '../../src/engine/llama-cpp/library.ts';
import { writeHeader } from '../../src/gguf/index.ts';
import { looseTensors, metadataOf, type SmallModel, smallModel, tensorType } from './small-models.ts';

const [folder = '', scratch = '', ...asked] = process.argv.slice(2);
let log: string[] = [];
const llamaCpp = loadLlamaCpp({ folder, cpuOnly: true, onLog: (_, text) => log.push(text) });
const { api } = llamaCpp;
const parameters = {
  ...api.llama_model_default_params(),
  n_gpu_layers: 0,
  no_alloc: true,
  load_mode: ENUMS.llama_load_mode.LLAMA_LOAD_MODE_NONE,
  lazy_mode: ENUMS.llama_lazy_mode.LLAMA_LAZY_MODE_OFF,
};
/** More than any of the small models has. */
const MOST_TENSORS = 2000;

for (const [index, text] of asked.entries()) {
  process.stdout.write(`${JSON.stringify({ begin: index })}\n`);
  process.stdout.write(`${JSON.stringify({ index, ...tensorsOf(JSON.parse(text)) })}\n`);
}

interface Asked {
  readonly architecture: string;
  /** Of the file in the folder. */
  readonly file: string;
  readonly changes: Partial<SmallModel>;
}

function tensorsOf({ architecture, file: name, changes }: Asked): { tensors: number | null; why?: string } {
  const model = smallModel(architecture, changes);
  const metadata = metadataOf(model);
  const tensors = new Map<string, readonly number[]>(
    looseTensors(model).map(({ name: own, shape }) => [own, shape]),
  );
  const shapeOfRole = new Map<string, readonly number[]>();
  const path = join(scratch, `${name}.gguf`);
  for (let tries = 0; tries < 2 * MOST_TENSORS; tries++) {
    const header = writeHeader({
      metadata,
      tensors: [...tensors].map(([own, shape]) => ({ name: own, type: tensorType(own, shape), shape })),
    });
    const file = openSync(path, 'w');
    writeSync(file, header);
    ftruncateSync(file, header.length + 2 ** 36);
    closeSync(file);
    log = [];
    const loaded = api.llama_model_load_from_file(path, parameters);
    if (loaded !== null) {
      api.llama_model_free(loaded);
      return { tensors: tensors.size };
    }
    const said = log.join('');
    const missing = /(?:missing )?tensor '([^']+)'(?: not found)?\s*$/m.exec(said)?.[1];
    const wrong = /tensor '([^']+)' has wrong shape; expected([\d ,]+), got/.exec(said);
    if (missing !== undefined) {
      tensors.set(missing, shapeOfRole.get(roleOf(missing)) ?? [1]);
    } else if (wrong !== null) {
      const [, own = '', expected = ''] = wrong;
      const shape = expected.split(',').map(Number);
      if (String(tensors.get(own)) === String(shape)) return { tensors: null, why: said };
      tensors.set(own, shape);
      shapeOfRole.set(roleOf(own), shape);
    } else {
      return { tensors: null, why: /error loading model: (.*)/.exec(said)?.[1] ?? said.slice(-300) };
    }
  }
  return { tensors: null, why: 'no end' };
}

function roleOf(name: string): string {
  return name.replace(/\.\d+\./, '.N.');
}
