import type { WantedFile } from './location.ts';
import type { PartialOrigin } from './partial.ts';
import type { PinnedFile } from './repo-cache.ts';

/** One file that a pull is about. */
export interface PlannedFile {
  readonly ref: string;
  /** What a person calls it: `owner/repo/path`, or its address. */
  readonly name: string;
  readonly sizeBytes: number;
  /** Its place in a repository; null for a file from a plain address. */
  readonly hub: PinnedFile | null;
  /** What its digest is or shall be; null where nothing says. */
  readonly objectId: string | null;
  /** Whether the digest of what is here was known before it came. */
  readonly verified: boolean;
  /** `blob`: the bytes are there under another revision and only need a link. */
  readonly state: 'cached' | 'blob' | 'absent';
  /** Bytes that an earlier attempt left. */
  readonly partialBytes: number;
  /** Where it will be. */
  readonly place: string;
  /** How it is brought there; null where it is, as far as can be told. */
  readonly download: Download | null;
}

/** One file to be brought to this machine, from a repository or from a plain address. */
export interface Download extends WantedFile {
  /** What names the version that is wanted, where that is known before the first answer. */
  readonly validator?: string | null;
  /** Where its bytes are put until all of them are there and checked. */
  readonly partialPath: string;
  /** What the partial file is a part of: what an earlier attempt left of anything else is not used. */
  readonly origin: PartialOrigin;
  readonly lockPath: string;
  /** Makes the folders that all of it needs. */
  readonly prepare: () => Promise<void>;
  /** What is here already. Asked when the lock is held: another process may have finished it. */
  readonly find: () => Promise<KeptFile | undefined>;
  /** Puts the finished file where it belongs. */
  readonly keep: (digest: string) => Promise<KeptFile>;
}

/** A file that is in its place. */
export interface KeptFile {
  readonly state: 'cached' | 'linked' | 'downloaded';
  /** SHA-256, or git's SHA-1 for a file that git keeps; null where only the cache was asked. */
  readonly objectId: string | null;
  /** false: nothing said what the digest would be, so the size is all that was checked. */
  readonly verified: boolean;
}
