/** The server of bench/download.ts, in a process of its own: `download-server.ts MEGABYTES BYTES_PER_SECOND`. */
import { HubServer, noise, sha256 } from '../test/helpers/hub-server.ts';

const [megabytes = 1, bytesPerSecond = 0] = process.argv.slice(2).map(Number);
const server = await HubServer.start(bytesPerSecond > 0 ? { bytesPerSecond } : {});
const content = noise(megabytes * 2 ** 20);
server.repos.set('bench/model-GGUF', { files: { 'model-Q8_0.gguf': { content } } });
const id = sha256(content);
process.stdout.write(
  `${JSON.stringify({ endpoint: server.endpoint, bytesUrl: `${server.cdnOrigin}/${id}?link=1`, sha256: id })}\n`,
);
