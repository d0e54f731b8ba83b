export type { ByteSource } from './byte-source.ts';
export { openFile } from './file-source.ts';
export { type HttpOptions, isUrl, openUrl } from './http-source.ts';
export { openSource } from './open-source.ts';
