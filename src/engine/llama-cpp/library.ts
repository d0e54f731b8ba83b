import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import koffi, { type LibraryHandle, type TypeObject } from 'koffi';
import { messageOf } from '../../util/errors.ts';
import { EngineError } from '../errors.ts';
import { checkAbi } from './abi.ts';
import { BACKEND_FUNCTIONS, CALLBACKS, ENUMS, FUNCTIONS, PACKED, STRUCTS, TYPEDEFS } from './declarations.ts';
import type { Api, Packed, Pointer, PointerIn, Struct, StructName } from './types.ts';

/** Where the C library's functions are: in the process, or on Windows in a library of their own. */
const C_LIBRARY = process.platform === 'win32' ? 'ucrtbase.dll' : null;

/** llama.cpp's shared libraries, loaded into this process and bound. */
export interface LlamaCpp {
  readonly api: Api;
  /** Where the libraries lie. */
  readonly folder: string;
  /** Has llama.cpp's log told here again, where another library of this process has taken it. */
  listen(): void;
  /** @returns the address that a parameter or a field of type `type` takes; it stays valid for good */
  callback(type: keyof typeof CALLBACKS, run: (...values: never[]) => unknown): Pointer;
  /** Gives the slot of a callback back. */
  release(callback: Pointer): void;
  /** The struct at `address`. */
  read<Name extends StructName>(name: Name, address: PointerIn): Struct<Name>;
  /** Structs one after another, as C's arrays are. The memory is llama.cpp's to read for as long as `memory` lives. */
  array<Name extends StructName>(name: Name, values: readonly Struct<Name>[]): Uint8Array;
  /** What a parameter of a type in PACKED takes. */
  pack(name: keyof typeof PACKED, value: Struct<keyof typeof PACKED>): Packed;
  /** Memory at `address` as it is: what llama.cpp writes there later is seen too. */
  view(address: Pointer, sizeBytes: number): ArrayBuffer;
  address(memory: ArrayBufferView): Pointer;
  /** The function of the type at an address that llama.cpp gave. */
  callable(type: keyof typeof CALLBACKS, address: Pointer): KoffiCall;
  /** The address of a function or a variable of a library in this process, by its linker name; null without one. */
  symbol(name: string): Pointer | null;
  /** Threads that llama.cpp would choose; null where its library for that is not there. */
  mathCores(): number | null;
  /** Binds a function that is no part of the C interface. */
  bind(name: string, result: TypeObject | string, parameters: readonly string[]): KoffiCall | null;
}
type KoffiCall = (...values: unknown[]) => unknown;

export interface LoadOptions {
  readonly folder: string;
  /** Leaves the libraries of GPU backends on disk. */
  readonly cpuOnly: boolean;
  readonly onLog: (level: number, text: string) => void;
}

/**
 * Loads llama.cpp from `folder` with the backends that lie there, and looks whether it is the one that was declared.
 * @throws EngineError `engine/not-installed` where a library is missing or does not load, `engine/abi`
 */
export function loadLlamaCpp({ folder, cpuOnly, onLog }: LoadOptions): LlamaCpp {
  const files = readdirSync(folder);
  const open = (name: string): LibraryHandle => {
    const file = files.find((found) => libraryName(found) === name);
    if (file === undefined) throw notLoaded(`${name} is not in ${folder}`);
    try {
      return koffi.load(join(folder, file));
    } catch (cause) {
      throw notLoaded(messageOf(cause));
    }
  };
  // Each needs the ones before it.
  const libraries = { 'ggml-base': open('ggml-base'), ggml: open('ggml'), llama: open('llama') };
  const types = new Types();
  const functions: Record<string, unknown> = {};
  for (const [name, declared] of Object.entries(FUNCTIONS)) {
    // The keys of both are the same three.
    const library = libraries[name as keyof typeof libraries];
    for (const [symbol, signature] of Object.entries(declared)) {
      functions[symbol] = bound(symbol, () => library.func(symbol, ...types.signature(signature)));
    }
  }
  // Every function of FUNCTIONS was bound above by its signature; those of backends follow.
  const api = functions as Api;
  let log: Pointer | null = null;
  // Bound once: what is bound for each row would wait by the hundred megabytes for a collector that does not see it.
  const callables = new Map<string, KoffiCall>();
  const llamaCpp: LlamaCpp = {
    api,
    folder,
    listen: () => {
      log ??= llamaCpp.callback('ggml_log_callback', onLog);
      api.llama_log_set(log, null);
    },
    callback: (type, run) => koffi.register(run, koffi.pointer(types.callback(type))),
    release: (address) => koffi.unregister(address),
    read: (name, address) => koffi.decode(address, types.struct(name)),
    array: (name, values) => {
      const type = types.struct(name);
      const memory = new Uint8Array(Math.max(1, values.length) * type.size);
      for (const [index, value] of values.entries()) koffi.encode(memory, index * type.size, type, value);
      return memory;
    },
    pack: (name, value) => {
      const type = types.struct(name);
      const words = new BigUint64Array(type.size / BigUint64Array.BYTES_PER_ELEMENT);
      koffi.encode(words, type, value);
      return { words };
    },
    view: (address, sizeBytes) => koffi.view(address, sizeBytes),
    address: (memory) => koffi.address(memory),
    callable: (type, address) => {
      const key = `${type} ${address}`;
      const bound = callables.get(key) ?? koffi.decode(address, types.callback(type));
      callables.set(key, bound);
      return bound;
    },
    symbol: (name) => symbolIn([libraries.llama, koffi.load(C_LIBRARY)], name),
    mathCores: () => mathCores(folder, files),
    bind: (name, result, parameters) => {
      if (symbolIn([libraries.llama], name) === null) return null;
      return libraries.llama.func(name, result, [...parameters]);
    },
  };
  checkAbi(llamaCpp);
  llamaCpp.listen();
  loadBackends(api, folder, files, cpuOnly);
  const cpu = api.ggml_backend_reg_by_name('CPU');
  if (cpu === null) throw notLoaded(`no library for this CPU in ${folder} loads`);
  for (const [symbol, signature] of Object.entries(BACKEND_FUNCTIONS)) {
    const address = api.ggml_backend_reg_get_proc_address(cpu, symbol);
    const [result, parameters] = types.signature(signature);
    functions[symbol] = bound(symbol, () => koffi.decode(address, koffi.proto(result, parameters)));
  }
  api.llama_backend_init();
  return llamaCpp;
}

/** `libllama.vulkan.v0.5.0.so`, `libllama.dylib` and `llama.dll` are all `llama`. */
function libraryName(file: string): string | undefined {
  return /^(?:lib)?([\w-]+)(?:\.[\w.]+)?\.(?:so|dylib|dll)$/.exec(file)?.[1];
}

/** ggml picks among the libraries for CPUs by the score that each gives itself (ggml-backend-reg.cpp). */
function loadBackends(api: Api, folder: string, files: readonly string[], cpuOnly: boolean): void {
  const names = files.map((file) => ({ file, name: libraryName(file) ?? '' }));
  const backends = names.filter(({ name }) => name.startsWith('ggml-') && name !== 'ggml-base');
  const forCpus = backends.filter(({ name }) => name.startsWith('ggml-cpu'));
  if (!cpuOnly || forCpus.length === backends.length) {
    api.ggml_backend_load_all_from_path(folder);
    return;
  }
  const [best] = forCpus
    .map(({ file }) => ({ path: join(folder, file), score: scoreOf(join(folder, file)) }))
    .sort((a, b) => b.score - a.score);
  if (best !== undefined) api.ggml_backend_load(best.path);
}

/** 0 for a library that needs what this CPU lacks. One that has no score is the only one. */
function scoreOf(path: string): number {
  const library = koffi.load(path);
  try {
    if (symbolIn([library], 'ggml_backend_score') === null) return 1;
    return Number(library.func('ggml_backend_score', 'int', [])());
  } finally {
    // All fifteen would take 3 MB.
    library.unload();
  }
}

/** By its C++ name under the Itanium ABI and Microsoft's. The library is let go before weights take memory. */
function mathCores(folder: string, files: readonly string[]): number | null {
  const file = files.find((found) => libraryName(found) === 'llama-common');
  if (file === undefined) return null;
  try {
    const common = koffi.load(join(folder, file));
    const symbol = ['_Z23common_cpu_get_num_mathv', '?common_cpu_get_num_math@@YAHXZ'].find(
      (name) => symbolIn([common], name) !== null,
    );
    const cores = symbol === undefined ? null : Number(common.func(symbol, 'int', [])());
    common.unload();
    return cores;
  } catch {
    return null;
  }
}

function symbolIn(libraries: readonly LibraryHandle[], name: string): Pointer | null {
  for (const library of libraries) {
    try {
      return library.symbol(name);
    } catch {
      // The next may have it.
    }
  }
  return null;
}

function bound(symbol: string, bind: () => unknown): unknown {
  try {
    return bind();
  } catch (cause) {
    throw new EngineError('engine/abi', `this llama.cpp does not offer ${symbol}`, {
      cause,
      hint: 'Install quantscope again with the version of node-llama-cpp in its package.json; quantscope engine remove takes away builds of another.',
    });
  }
}

function notLoaded(reason: string): EngineError {
  return new EngineError('engine/not-installed', `llama.cpp could not be loaded: ${reason}`, {
    hint: 'Its binaries are optional npm packages: install again without --omit=optional or --no-optional.',
  });
}

/** Declared types as koffi's. Pointers are all `void *`: addresses and memory pass through unconverted. */
class Types {
  readonly #structs = new Map<string, TypeObject>();

  signature([result = 'void', ...parameters]: readonly string[]): [
    TypeObject | string,
    (TypeObject | string)[],
  ] {
    return [this.#of(result), parameters.map((type) => this.#of(type))];
  }

  callback(name: keyof typeof CALLBACKS): TypeObject {
    return koffi.proto(...this.signature(CALLBACKS[name]));
  }

  struct(name: StructName): TypeObject {
    const known = this.#structs.get(name);
    if (known !== undefined) return known;
    const made = koffi.struct(this.#fields(STRUCTS[name]));
    this.#structs.set(name, made);
    return made;
  }

  /** Of the same size, and of one array that koffi copies at once. */
  #packed(name: keyof typeof PACKED): TypeObject {
    const length = this.struct(name).size / BigUint64Array.BYTES_PER_ELEMENT;
    return koffi.struct({ words: koffi.array('uint64_t', length, 'Typed') });
  }

  #fields(declared: object): Record<string, TypeObject | string> {
    const entries = Object.entries(declared).map(([field, type]): [string, TypeObject | string] => {
      if (typeof type !== 'string') return [field, koffi.union(this.#fields(type))];
      // A text inside a struct must outlive the call: it is an address here.
      return [field, type === 'const char *' ? 'void *' : this.#of(type)];
    });
    return Object.fromEntries(entries);
  }

  #of(type: string): TypeObject | string {
    const [, element, length] = /^(.+)\[(\d+)\]$/.exec(type) ?? [];
    if (element !== undefined) {
      return koffi.array(this.#of(element), Number(length), element === 'char' ? 'String' : 'Array');
    }
    if (type === 'const char *') return 'const char *';
    if (type.endsWith('*') || type in CALLBACKS) return 'void *';
    // Of a known name only its own entry is read.
    if (type in TYPEDEFS) return this.#of(TYPEDEFS[type as keyof typeof TYPEDEFS]);
    if (type in ENUMS) return 'int';
    if (type in PACKED) return this.#packed(type as keyof typeof PACKED);
    if (type in STRUCTS) return this.struct(type as StructName);
    return type;
  }
}
