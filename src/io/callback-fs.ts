import { close, fstat, open, read, readdir, readlink, stat } from 'node:fs';
import { promisify } from 'node:util';

/**
 * Node's file functions with promises, for what every quick command loads: `node:fs/promises` also loads streams, a line
 * reader and a watcher, which is a fiftieth of what `inspect` of a small file takes (npm run bench:startup).
 */
export const closeFd = promisify(close);
export const openFd = promisify(open);
export const readFd = promisify(read);
export const statFd = promisify(fstat);
export const statPath = promisify(stat);
export const readLink = promisify(readlink);
export const namesIn = promisify(readdir);
