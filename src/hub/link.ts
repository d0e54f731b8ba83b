import { QuantscopeError } from '../util/errors.ts';
import type { FileLocation } from './location.ts';

/** The file that is wanted, and whom to ask where it is. */
export interface WantedFile {
  /** What a person calls the file. */
  readonly what: string;
  readonly sizeBytes: number;
  /** What the digest shall be; null where nobody has said: the size is all that is checked. */
  readonly objectId: string | null;
  /** Where the bytes are: asked at the start and whenever a link has expired. */
  readonly locate: (signal: AbortSignal) => Promise<FileLocation>;
}

/** Where the bytes of a file are just now: all connections share it, and the first that finds it expired says so. */
export class Link {
  readonly #wanted: WantedFile;
  #location: Promise<FileLocation> | undefined;

  constructor(wanted: WantedFile) {
    this.#wanted = wanted;
  }

  /** @throws QuantscopeError `hub/changed-on-hub`, or what asking for it throws */
  get(signal: AbortSignal): Promise<FileLocation> {
    this.#location ??= this.#ask(signal);
    return this.#location;
  }

  expire(): void {
    this.#location = undefined;
  }

  async #ask(signal: AbortSignal): Promise<FileLocation> {
    const { what, objectId, sizeBytes, locate } = this.#wanted;
    const location = await locate(signal);
    const isOther = objectId !== null && location.objectId !== undefined && location.objectId !== objectId;
    if (!isOther && (location.sizeBytes === undefined || location.sizeBytes === sizeBytes)) return location;
    const got = isOther ? `object ${location.objectId}` : `${location.sizeBytes} bytes`;
    const expected = isOther ? objectId : sizeBytes;
    throw new QuantscopeError('hub/changed-on-hub', `${what}: the Hub now has ${got}, expected ${expected}`, {
      hint: 'The repository changed while it was downloaded; run the command again.',
    });
  }
}
