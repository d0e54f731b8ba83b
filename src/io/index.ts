export type { ByteSource } from './byte-source.ts';
export { type CacheOptions, cachedSource } from './cached-source.ts';
export { openFile } from './file-source.ts';
export { type HttpOptions, isUrl, openUrl } from './http-source.ts';
export { MemorySource } from './memory-source.ts';
export { openSource } from './open-source.ts';
