import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { startEngineProcess } from '../../dist/index.js';
import { chatTemplate, readHeader } from '../../src/gguf/index.ts';
import { openFile } from '../../src/io/index.ts';

/** What the server does instead of answering, once for each entry. */
export type Fault =
  | { readonly status: number; readonly body: object; readonly headers?: Record<string, string> }
  | { readonly body: object };

export interface OpenAiServer extends AsyncDisposable {
  /** Up to and with /v1. */
  readonly url: string;
  readonly requests: readonly { readonly authorization: string | undefined; readonly body: ChatRequest }[];
  /** Answers given to the next requests instead of the model's. */
  readonly faults: Fault[];
}

interface ChatRequest {
  readonly model: string;
  readonly messages: readonly { readonly role: 'system' | 'user' | 'assistant'; readonly content: string }[];
  readonly temperature?: number;
  readonly max_tokens?: number;
  readonly max_completion_tokens?: number;
}

/** OpenAI's chat completions over the real engine: greedy, one request after another. */
export async function openAiServer(modelPath: string): Promise<OpenAiServer> {
  await using source = await openFile(modelPath);
  const template = chatTemplate(await readHeader(source)) ?? null;
  const session = await startEngineProcess({ gpu: 'off', callTimeoutMs: 60_000 });
  await session.loadModel({ path: modelPath, gpuLayers: 'max' });
  await session.openContext({
    contextSize: 512,
    sequences: 1,
    batchSize: 512,
    threads: 1,
    flashAttention: 'auto',
    keyType: 'f16',
    valueType: 'f16',
  });
  const requests: { authorization: string | undefined; body: ChatRequest }[] = [];
  const faults: Fault[] = [];

  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const body = JSON.parse(await text(request)) as ChatRequest;
    requests.push({ authorization: request.headers.authorization, body });
    const fault = faults.shift();
    if (fault !== undefined) {
      send(
        response,
        'status' in fault ? fault.status : 200,
        fault.body,
        'headers' in fault ? fault.headers : {},
      );
      return;
    }
    const prompt = await session.chatPrompt(body.messages, template);
    const [reply] = await session.complete([
      { prompt, maxTokens: body.max_tokens ?? body.max_completion_tokens ?? 128 },
    ]);
    send(response, 200, {
      id: `chatcmpl-${requests.length}`,
      object: 'chat.completion',
      created: 0,
      model: body.model,
      choices: [
        {
          index: 0,
          message: { role: 'assistant', content: reply?.text ?? '', refusal: null },
          logprobs: null,
          finish_reason: reply?.stop === 'end' ? 'stop' : 'length',
        },
      ],
      usage: {
        prompt_tokens: prompt.length,
        completion_tokens: reply?.tokens.length ?? 0,
        total_tokens: prompt.length + (reply?.tokens.length ?? 0),
      },
    });
  };

  const server = createServer((request, response) => {
    if (request.method !== 'POST' || request.url !== '/v1/chat/completions') {
      send(response, 404, {
        error: { message: `no ${request.method} ${request.url}`, type: 'invalid_request_error' },
      });
      return;
    }
    answer(request, response).catch((thrown: unknown) =>
      send(response, 500, { error: { message: String(thrown), type: 'server_error' } }),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/v1`,
    requests,
    faults,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await session[Symbol.asyncDispose]();
    },
  };
}

function send(
  response: ServerResponse,
  status: number,
  body: object,
  headers: Record<string, string> = {},
): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers });
  response.end(JSON.stringify(body));
}
