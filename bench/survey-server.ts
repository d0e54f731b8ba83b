/**
 * The server of bench/survey.ts, in a process of its own: `survey-server.ts LATENCY_MS`. It speaks as much of HTTP/1.1
 * as range requests need, from answers that are prepared, so that nearly all of the machine is the client's. Every
 * fiftieth file is malformed and every hundredth is not there: such are found among many.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { type AddressInfo, createServer, type Socket } from 'node:net';

const latencyMs = Number(process.argv[2] ?? 50);
const fixtures = new URL('../fixtures/', import.meta.url);
const nano = ['F16', 'Q8_0', 'Q4_K_M', 'Q2_K'].map((label) =>
  readFileSync(new URL(`nano/nano-phi3-${label}.gguf`, fixtures)),
);
const malformed = readdirSync(new URL('malformed/', fixtures))
  .filter((name) => name.endsWith('.gguf'))
  .map((name) => readFileSync(new URL(`malformed/${name}`, fixtures)))
  .filter(({ length }) => length > 0);

/** By file and range: there are few of either. */
const prepared = new Map<string, Buffer>();
const absent = Buffer.from('HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n');

function contentOf(index: number): { readonly key: string; readonly content: Buffer } | undefined {
  if (index % 100 === 99) return undefined;
  const [kind, all] = index % 50 === 49 ? ['malformed', malformed] : ['nano', nano];
  const content = all[index % all.length];
  return content && { key: `${kind} ${index % all.length}`, content };
}

let [connections, requests, bodyBytes] = [0, 0, 0];

function stats(): Buffer {
  const text = JSON.stringify({ connections, requests, bodyBytes });
  [connections, requests, bodyBytes] = [0, 0, 0];
  return Buffer.from(`HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: ${text.length}\r\n\r\n${text}`);
}

function answerTo(head: string): Buffer {
  if (head.startsWith('GET /stats')) return stats();
  requests++;
  const [, index, first, last] = /^GET \/m-(\d+)\.gguf[\s\S]*\r\nrange: bytes=(\d+)-(\d+)/i.exec(head) ?? [];
  const found = contentOf(Number(index));
  if (found === undefined) return absent;
  const { content } = found;
  const [start, end] = [Number(first), Math.min(content.length, Number(last) + 1)];
  bodyBytes += end - start;
  const key = `${found.key} ${first} ${last}`;
  const known = prepared.get(key);
  if (known !== undefined) return known;
  const answer = Buffer.concat([
    Buffer.from(
      `HTTP/1.1 206 Partial Content\r\netag: "${found.key}"\r\ncontent-length: ${end - start}\r\n` +
        `content-range: bytes ${start}-${end - 1}/${content.length}\r\n\r\n`,
    ),
    content.subarray(start, end),
  ]);
  prepared.set(key, answer);
  return answer;
}

interface Due {
  readonly atMs: number;
  readonly socket: Socket;
  readonly answer: Buffer;
}

/** All wait equally long, so that the first to come is the first to go: one timer for all. */
let waiting: Due[] = [];

function sendDue(): void {
  const now = performance.now();
  let sent = 0;
  for (; (waiting[sent]?.atMs ?? Number.POSITIVE_INFINITY) <= now; sent++) {
    const due = waiting[sent];
    due?.socket.write(due.answer);
  }
  waiting = waiting.slice(sent);
  const [next] = waiting;
  if (next !== undefined) setTimeout(sendDue, Math.max(1, next.atMs - now));
}

const server = createServer({ noDelay: true }, (socket) => {
  let head = '';
  connections++;
  socket.on('error', () => socket.destroy());
  socket.on('data', (bytes) => {
    head += bytes.toString('latin1');
    if (!head.endsWith('\r\n\r\n')) return;
    waiting.push({ atMs: performance.now() + latencyMs, socket, answer: answerTo(head) });
    if (waiting.length === 1) setTimeout(sendDue, latencyMs);
    head = '';
  });
});

server.listen(0, '127.0.0.1', 1024, () => {
  process.stdout.write(`http://127.0.0.1:${(server.address() as AddressInfo).port}\n`);
});
// It ends with whoever started it.
process.stdin.on('end', () => process.exit()).resume();
