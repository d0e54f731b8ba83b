/** Buffers of some size lie outside of V8's heap, where addresses last; small ones may lie within. */
const LEAST_BYTES = 128;

/** Memory that llama.cpp may read and write by address for as long as it is referred to. */
export function lastingMemory(sizeBytes: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array(new ArrayBuffer(Math.max(LEAST_BYTES, sizeBytes)), 0, sizeBytes);
}
