import { readFile, stat } from 'node:fs/promises';

/**
 * The text of a file that somebody else wrote, without its byte order mark.
 * @throws Error for a device, a folder, or more than `largestBytes`: what is endless or far too large is never read
 */
export async function boundedText(path: string, largestBytes: number): Promise<string> {
  const found = await stat(path);
  if (!found.isFile()) throw new Error(found.isDirectory() ? 'it is a folder' : 'it is no regular file');
  if (found.size > largestBytes) {
    throw new Error(
      `${found.size.toLocaleString('en-US')} bytes, at most ${largestBytes.toLocaleString('en-US')} were expected`,
    );
  }
  return (await readFile(path, 'utf8')).replace(/^\uFEFF/, '');
}
