// What a repository offers, one file of it, and the cache: node hub.mjs owner/name Q2_K
import { listCached, listCatalogue, listVariants, pull, removeCached, verifyCached } from 'quantscope';
import { host, say } from './host.mjs';

const [repo, quantization] = process.argv.slice(2);
say(`catalogue: ${(await listCatalogue(host)).models.length} names`);
for (const { label, bytes } of (await listVariants(repo, host)).variants) say(`${label}: ${bytes} bytes`);
const { files } = await pull([`hf:${repo}:${quantization}`], {
  ...host,
  // More than a gigabyte is asked for first; throwing refuses.
  confirm: async ({ totalBytes }) => say(`downloading ${totalBytes} bytes`),
});
for (const { path } of files) say(path);
say(`cached: ${(await listCached(host)).repos.length} repositories`);
await verifyCached([repo], host);
const { bytes } = await removeCached([repo], { ...host, confirm: async () => {} });
say(`freed: ${bytes} bytes`);
