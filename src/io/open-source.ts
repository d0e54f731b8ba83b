import { fileURLToPath } from 'node:url';
import type { ByteSource } from './byte-source.ts';
import { openFile } from './file-source.ts';
import { type HttpOptions, isUrl, openUrl, parseUrl } from './http-source.ts';

/**
 * Opens a path, a `file://` URL or an `http(s)://` URL.
 * @throws QuantscopeError what {@link openFile} and {@link openUrl} throw, and `io/bad-url`
 */
export async function openSource(pathOrUrl: string, options: HttpOptions = {}): Promise<ByteSource> {
  if (isUrl(pathOrUrl)) return openUrl(parseUrl(pathOrUrl).href, options);
  if (pathOrUrl.startsWith('file://')) return openFile(fileURLToPath(parseUrl(pathOrUrl)));
  return openFile(pathOrUrl);
}
