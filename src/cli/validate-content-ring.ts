/**
 * A ring of buffers that two threads share: one reads the file into it and checks the content, the other hashes.
 *
 *     shared  | slot 0 | slot 1 | ... |   SLOT_BYTES each
 *     control | written | hashed | stopped |   Int32, counts of pieces
 */
export const SLOT_BYTES = 1024 * 1024;
export const SLOTS = 8;

export const CONTROL = { written: 0, hashed: 1, stopped: 2 } as const;

export interface Ring {
  readonly shared: SharedArrayBuffer;
  readonly control: SharedArrayBuffer;
}

export function createRing(): Ring {
  return {
    shared: new SharedArrayBuffer(SLOT_BYTES * SLOTS),
    control: new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT * 3),
  };
}

/** Where a piece lies in the ring, by its number. */
export function slotOf(piece: number): number {
  return (piece % SLOTS) * SLOT_BYTES;
}

/** Makes both threads end; whichever waits is woken. */
export function stopRing({ control }: Ring): void {
  const counts = new Int32Array(control);
  Atomics.store(counts, CONTROL.stopped, 1);
  Atomics.notify(counts, CONTROL.written);
  Atomics.notify(counts, CONTROL.hashed);
}
