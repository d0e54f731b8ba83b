import type { ByteSource } from './byte-source.ts';

/** A source that knows what reading it has cost. */
export interface CountingSource extends ByteSource {
  /** Requests to a server, or reads of a local file. */
  readonly requests: number;
  readonly bytesFetched: number;
}

/** Counts the reads of a local file; a remote one counts its own requests, which are fewer or more than its reads. */
export function countingSource(source: ByteSource): CountingSource {
  if (isCounting(source)) return source;
  let requests = 0;
  let bytesFetched = 0;
  const count = (bytes: number): void => {
    requests++;
    bytesFetched += bytes;
  };
  const readAgain = source.readAgain?.bind(source);
  return {
    name: source.name,
    byteLength: source.byteLength,
    get requests() {
      return requests;
    },
    get bytesFetched() {
      return bytesFetched;
    },
    async read(start, end, signal) {
      const bytes = await source.read(start, end, signal);
      count(bytes.length);
      return bytes;
    },
    async readInto(start, target, signal) {
      if (source.readInto !== undefined) await source.readInto(start, target, signal);
      else target.set(await source.read(start, start + target.length, signal));
      count(target.length);
    },
    ...(readAgain === undefined
      ? {}
      : {
          readAgain: (start: number, end: number) => {
            count(end - start);
            return readAgain(start, end);
          },
        }),
    [Symbol.asyncDispose]: () => source[Symbol.asyncDispose](),
  };
}

function isCounting(source: ByteSource): source is CountingSource {
  return 'requests' in source && 'bytesFetched' in source;
}
