import { createHash } from 'node:crypto';
import { closeSync, openSync, readSync } from 'node:fs';
import { parentPort } from 'node:worker_threads';
import { messageOf } from '../util/errors.ts';
import { type ByteViews, ContentScan, type TensorContent, type TensorExtent } from '../validate/index.ts';
import { CONTROL, type Ring, SLOT_BYTES, SLOTS, slotOf, stopRing } from './validate-content-ring.ts';

/** Work for one thread of a pair. */
export type ContentTask = { readonly id: number; readonly ring: Ring; readonly fileBytes: number } & (
  | {
      readonly role: 'read';
      readonly path: string;
      readonly extents: readonly TensorExtent[];
      readonly withTensorHashes: boolean;
    }
  | { readonly role: 'hash' }
);

export type ContentReply = { readonly id: number } & (
  | { readonly tensors: readonly TensorContent[] }
  | { readonly sha256: string }
  | { readonly failed: string }
);

/** Thrown inside to leave the loops when the other side has stopped. */
class Stopped extends Error {}

const port = parentPort;
if (port === null) throw new Error('this module runs in a worker thread');
port.on('message', (task: ContentTask) => {
  let reply: ContentReply;
  try {
    reply = task.role === 'read' ? { id: task.id, tensors: read(task) } : { id: task.id, sha256: hash(task) };
  } catch (thrown) {
    stopRing(task.ring);
    reply = { id: task.id, failed: thrown instanceof Stopped ? 'stopped' : messageOf(thrown) };
  }
  port.postMessage(reply);
});

/** Reads the file into the ring, ahead of the hash by at most the ring's length, and checks each piece. */
function read(task: Extract<ContentTask, { readonly role: 'read' }>): TensorContent[] {
  const { ring, fileBytes, extents, withTensorHashes } = task;
  const counts = new Int32Array(ring.control);
  const scan = new ContentScan(extents, withTensorHashes);
  const slots = Array.from({ length: SLOTS }, (_, slot) => viewsOfSlot(ring, slot));
  const file = openSync(task.path, 'r');
  try {
    const pieces = Math.ceil(fileBytes / SLOT_BYTES);
    for (let piece = 0; piece < pieces; piece++) {
      waitUntil(counts, CONTROL.hashed, (hashed) => piece - hashed < SLOTS);
      const start = piece * SLOT_BYTES;
      const length = Math.min(SLOT_BYTES, fileBytes - start);
      const views = slots[piece % SLOTS];
      if (views === undefined) throw new RangeError('no such slot');
      fill(file, views.u8, length, start);
      Atomics.store(counts, CONTROL.written, piece + 1);
      Atomics.notify(counts, CONTROL.written);
      // The other thread hashes the slot meanwhile; both only read, and no slot is filled again before this loop
      // comes round to it.
      scan.feed(views, length, start);
    }
    return scan.results();
  } finally {
    closeSync(file);
  }
}

function hash({ ring, fileBytes }: ContentTask): string {
  const counts = new Int32Array(ring.control);
  const sha256 = createHash('sha256');
  const pieces = Math.ceil(fileBytes / SLOT_BYTES);
  for (let piece = 0; piece < pieces; piece++) {
    waitUntil(counts, CONTROL.written, (written) => written > piece);
    const length = Math.min(SLOT_BYTES, fileBytes - piece * SLOT_BYTES);
    sha256.update(new Uint8Array(ring.shared, slotOf(piece), length));
    Atomics.store(counts, CONTROL.hashed, piece + 1);
    Atomics.notify(counts, CONTROL.hashed);
  }
  return sha256.digest('hex');
}

function waitUntil(counts: Int32Array, index: number, holds: (count: number) => boolean): void {
  for (;;) {
    if (Atomics.load(counts, CONTROL.stopped) === 1) throw new Stopped();
    const count = Atomics.load(counts, index);
    if (holds(count)) return;
    Atomics.wait(counts, index, count, 1000);
  }
}

function fill(file: number, target: Uint8Array, length: number, start: number): void {
  let filled = 0;
  while (filled < length) {
    const got = readSync(file, target, filled, length - filled, start + filled);
    if (got === 0) throw new Error(`the file ends at byte ${start + filled}: it became shorter while it was read`);
    filled += got;
  }
}

/** Views over one slot; typed arrays over the whole ring would need positions instead. */
function viewsOfSlot({ shared }: Ring, slot: number): ByteViews {
  const start = slot * SLOT_BYTES;
  return {
    u8: new Uint8Array(shared, start, SLOT_BYTES),
    u16: new Uint16Array(shared, start, SLOT_BYTES / 2),
    u32: new Uint32Array(shared, start, SLOT_BYTES / 4),
  };
}
