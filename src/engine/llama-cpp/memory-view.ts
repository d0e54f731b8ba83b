import koffi from 'koffi';

/** Memory of this process at an address, as it is; any thread may look, and each must know that it lasts. */
export function viewMemory(address: bigint, sizeBytes: number): ArrayBuffer {
  return koffi.view(address, sizeBytes);
}
