import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BufferPool } from '../../src/hub/buffer-pool.ts';

const MIB = 1024 * 1024;
/** What a connection holds: a buffer that is filled, one that is written, one that waits. */
const HELD = 3;

/** Connections that come and go, each holding its buffers and exchanging one now and then, as writers do. */
class Connections {
  readonly pool = new BufferPool();
  readonly held: Uint8Array[][] = [];
  readonly memory = new Set<ArrayBufferLike>();

  come(): void {
    this.pool.join();
    this.held.push(Array.from({ length: HELD }, () => this.#take()));
  }

  exchange(index: number): void {
    const buffers = this.held[index % this.held.length];
    const first = buffers?.shift();
    if (buffers === undefined || first === undefined) return;
    this.pool.release(first);
    buffers.push(this.#take());
  }

  go(index: number): void {
    const [buffers = []] = this.held.splice(index % this.held.length, 1);
    for (const buffer of buffers) this.pool.release(buffer);
    if (buffers.length > 0) this.pool.leave();
  }

  get bytes(): number {
    return [...this.memory].reduce((total, { byteLength }) => total + byteLength, 0);
  }

  #take(): Uint8Array {
    const memory = this.pool.acquire();
    this.memory.add(memory.buffer);
    return memory;
  }
}

describe('the memory of downloads', () => {
  it('is never in two hands at once, and every buffer has room', () => {
    const step = fc.tuple(fc.constantFrom('come', 'exchange', 'go'), fc.nat(40));
    fc.assert(
      fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
        const connections = new Connections();
        for (const [what, index] of steps) {
          if (what === 'come') connections.come();
          else if (connections.held.length > 0) connections[what](index);
          const spans = connections.held.flat().map(({ buffer, byteOffset, length }) => {
            expect(length).toBeGreaterThanOrEqual(128 * 1024);
            return { buffer, start: byteOffset, end: byteOffset + length };
          });
          for (const [at, one] of spans.entries()) {
            for (const other of spans.slice(at + 1)) {
              const isApart = one.buffer !== other.buffer || one.end <= other.start || other.end <= one.start;
              expect(isApart).toBe(true);
            }
          }
        }
      }),
      { numRuns: 50 },
    );
  });

  it('is about the same for one connection and for thirty-two', () => {
    const one = new Connections();
    one.come();
    expect(one.bytes).toBe(HELD * 4 * MIB);

    const many = new Connections();
    for (let count = 0; count < 32; count++) {
      many.come();
      for (let index = 0; index < HELD * many.held.length; index++) many.exchange(index);
    }
    expect(many.bytes).toBeLessThanOrEqual(2 * one.bytes);
  });

  it('does not grow while files end and others begin', () => {
    const connections = new Connections();
    for (let count = 0; count < 8; count++) connections.come();
    const { bytes } = connections;
    for (let file = 0; file < 200; file++) {
      connections.go(file);
      connections.come();
    }
    expect(connections.bytes).toBe(bytes);
  });
});
