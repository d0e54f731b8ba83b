// An importance matrix, a variant made with it, and the best mix of its size: node make.mjs nano:F16 FOLDER
import { join } from 'node:path';
import { makeImatrix, makeMix, quantize } from 'quantscope';
import { host, say } from './host.mjs';

const [source, folder] = process.argv.slice(2);
const imatrix = join(folder, 'imatrix.gguf');
await makeImatrix(source, { ...host, out: imatrix, chunks: 2, threads: 1 });
const { variants } = await quantize(source, ['Q4_K_M'], { ...host, out: folder, imatrix });
for (const { paths } of variants) say(paths.join(' '));
const mix = await makeMix(source, {
  ...host,
  ...{ bits: 6, types: ['Q4_0', 'Q8_0'], context: 32, chunks: 2, testChunks: 2, threads: 1 },
  out: join(folder, 'mix.gguf'),
});
say(`mix: ${mix.verdict}, beside ${mix.comparedWith}`);
