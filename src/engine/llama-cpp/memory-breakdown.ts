import koffi from 'koffi';
import { ENUMS } from './declarations.ts';
import type { LlamaCpp } from './library.ts';
import type { Pointer } from './types.ts';

/** What one kind of memory (the machine's own, a GPU's) holds for a context. */
export interface MemoryPart {
  readonly bufferType: string;
  /** `rearranged`: weights in the order that the CPU's kernels want (CPU_REPACK, AMX), no host's memory to ggml. */
  readonly place: 'host' | 'rearranged' | 'gpu';
  readonly weightsBytes: number;
  /** Keys and values, and the state of recurrent layers. */
  readonly cacheBytes: number;
  readonly computeBytes: number;
}

/**
 * llama.cpp tells these sizes in C++ alone (llama-ext.h): `llama_get_memory_breakdown` returns a
 * `std::map<ggml_backend_buffer_type_t, llama_memory_breakdown_data>`. Its name is the Itanium ABI's, that of Linux
 * and macOS; Microsoft's has another, and there is no answer.
 */
const SYMBOL = '_Z26llama_get_memory_breakdownPK13llama_context';

/**
 * A node of the tree in a map. Both libraries have three pointers and a colour before the value, in another order:
 *   libstdc++ (stl_tree.h):  colour | parent | left | right | key, sizes
 *   libc++ (__tree):         left | right | parent | colour | key, sizes
 */
const KEY_AT = 32;
const LAYOUTS = {
  libstdcxx: { root: 2, left: 16, right: 24, count: 5, words: 6 },
  libcxx: { root: 1, left: 0, right: 8, count: 2, words: 3 },
} as const;

/** More kinds of memory than any machine has: what would come of a map that is laid out otherwise. */
const MOST_PARTS = 64;

/** What `context` holds, by kind of memory; null where it cannot be asked. */
export function memoryBreakdown(llamaCpp: LlamaCpp, context: Pointer): MemoryPart[] | null {
  const layout = process.platform === 'darwin' ? LAYOUTS.libcxx : LAYOUTS.libstdcxx;
  // Larger than what any ABI returns in registers: it comes back in memory, as a class with a destructor does.
  const map = koffi.struct({ words: koffi.array('uint64_t', layout.words) });
  const ask = llamaCpp.bind(SYMBOL, map, ['void *']);
  if (ask === null) return null;
  // The type says what comes back.
  const { words } = ask(context) as { words: ArrayLike<number | bigint> };
  const count = Number(words[layout.count]);
  if (count > MOST_PARTS) return null;
  const parts: MemoryPart[] = [];
  const visit = (node: bigint): void => {
    if (node === 0n || parts.length >= count) return;
    const at = (offset: number) => BigInt(koffi.decode.uint64(node + BigInt(offset)));
    visit(at(layout.left));
    const bufferType = at(KEY_AT);
    parts.push({
      bufferType: llamaCpp.api.ggml_backend_buft_name(bufferType) ?? '',
      place: placeOf(llamaCpp, bufferType),
      weightsBytes: Number(at(KEY_AT + 8)),
      cacheBytes: Number(at(KEY_AT + 16)),
      computeBytes: Number(at(KEY_AT + 24)),
    });
    visit(at(layout.right));
  };
  visit(BigInt(words[layout.root] ?? 0));
  return parts;
}

/** All parts together. */
export function memoryOf(parts: readonly MemoryPart[]) {
  const sum = (bytesOf: (part: MemoryPart) => number) =>
    parts.reduce((total, part) => total + bytesOf(part), 0);
  return {
    weightsBytes: sum(({ weightsBytes }) => weightsBytes),
    repackedBytes: sum(({ place, weightsBytes }) => (place === 'rearranged' ? weightsBytes : 0)),
    kvBytes: sum(({ cacheBytes }) => cacheBytes),
    computeBytes: sum(({ computeBytes }) => computeBytes),
    gpuBytes: sum((part) =>
      part.place === 'gpu' ? part.weightsBytes + part.cacheBytes + part.computeBytes : 0,
    ),
  };
}

function placeOf({ api }: LlamaCpp, bufferType: Pointer): MemoryPart['place'] {
  if (api.ggml_backend_buft_is_host(bufferType)) return 'host';
  const device = api.ggml_backend_buft_get_device(bufferType);
  return device !== null && isGpu(api.ggml_backend_dev_type(device)) ? 'gpu' : 'rearranged';
}

export function isGpu(deviceType: number): boolean {
  const { GGML_BACKEND_DEVICE_TYPE_GPU, GGML_BACKEND_DEVICE_TYPE_IGPU } = ENUMS.ggml_backend_dev_type;
  return deviceType === GGML_BACKEND_DEVICE_TYPE_GPU || deviceType === GGML_BACKEND_DEVICE_TYPE_IGPU;
}
