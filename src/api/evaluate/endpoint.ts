import OpenAI from 'openai';
import type { Endpoint } from '../../measure/endpoint-tasks.ts';
import { UsageError } from '../../util/errors.ts';
import { formatBytes } from '../../util/units.ts';

export interface EndpointOptions {
  /** Of the server, up to and with `/v1`. */
  readonly url: string;
  readonly model: string;
  /** undefined for a server that wants none. */
  readonly key: string | undefined;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/** Tried again after a refusal for load or a lost connection, with the pause that the server asks for. */
const RETRIES = 5;
/** Of one answer, unpacked: a reply of thousands of tokens has some kilobytes. */
const MOST_ANSWER_BYTES = 16 * 2 ** 20;

/**
 * A model behind OpenAI's chat completions, as llama-server, Ollama, LM Studio, vLLM and clouds offer them. Greedy: the
 * endpoint renders the prompt with its own chat template.
 * @throws UsageError `endpoint/bad-url`
 */
export function openAiEndpoint({ url, model, key, timeoutMs, signal }: EndpointOptions): Endpoint {
  const base = baseUrlOf(url);
  const client = new OpenAI({
    baseURL: base.href,
    // The library insists on one; servers that want none ignore it.
    apiKey: key ?? 'none',
    organization: null,
    project: null,
    maxRetries: RETRIES,
    timeout: timeoutMs,
    fetch: (input, init) => boundedFetch(input, init, timeoutMs),
    logLevel: 'off',
  });
  // Newer models of OpenAI's refuse max_tokens; older servers know nothing else.
  let limit: 'max_tokens' | 'max_completion_tokens' = 'max_tokens';
  const ask = async (prompt: string, maxTokens: number): Promise<string> => {
    const answer = await client.chat.completions.create(
      {
        model,
        messages: [{ role: 'user', content: prompt }],
        temperature: 0,
        seed: 0,
        [limit]: maxTokens,
      },
      // A signal of its own: the library leaves its listener on the one it is given.
      { signal: AbortSignal.any([signal]) },
    );
    const content = answer.choices?.[0]?.message?.content;
    if (typeof content !== 'string') throw new Error('the answer holds no choices[0].message.content');
    return content;
  };
  return {
    name: model,
    url: base.href,
    async complete(prompt, maxTokens) {
      try {
        return await ask(prompt, maxTokens);
      } catch (thrown) {
        signal.throwIfAborted();
        const refused =
          thrown instanceof OpenAI.BadRequestError && /max_completion_tokens/.test(thrown.message);
        if (!refused || limit === 'max_completion_tokens') throw thrown;
        limit = 'max_completion_tokens';
        return ask(prompt, maxTokens);
      }
    },
  };
}

/**
 * The library's limit of time ends where a body begins, and it has none of bytes. A redirect is not followed: prompts
 * and the key go where they were sent.
 */
async function boundedFetch(
  input: string | URL | Request,
  init: RequestInit | undefined,
  timeoutMs: number,
): Promise<Response> {
  const signals = [AbortSignal.timeout(timeoutMs), ...(init?.signal ? [init.signal] : [])];
  const response = await fetch(input, { ...init, redirect: 'manual', signal: AbortSignal.any(signals) });
  const location = response.headers.get('location');
  if (response.status >= 300 && response.status <= 399 && location !== null) {
    await response.body?.cancel();
    const error = { message: `the server redirects to ${location}: give the address that it leads to` };
    return Response.json({ error }, { status: response.status });
  }
  let received = 0;
  const bounded = new TransformStream<Uint8Array, Uint8Array>({
    transform(piece, controller) {
      received += piece.length;
      if (received <= MOST_ANSWER_BYTES) controller.enqueue(piece);
      else controller.error(new Error(`its answer has more than ${formatBytes(MOST_ANSWER_BYTES)}`));
    },
  });
  return new Response(response.body?.pipeThrough(bounded), response);
}

function baseUrlOf(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || !/^https?:$/.test(url.protocol)) {
    throw new UsageError('endpoint/bad-url', `--openai ${text}: not an http or https address`, {
      hint: 'Give the address up to /v1, such as http://localhost:8080/v1.',
    });
  }
  if (url.username !== '' || url.password !== '') {
    throw new UsageError('endpoint/bad-url', '--openai: the address holds a user name or password', {
      hint: 'Put the key into OPENAI_API_KEY: addresses are printed and kept in results.',
    });
  }
  url.pathname = url.pathname.replace(/\/(?:chat\/completions\/?)?$/, '') || '/v1';
  url.search = '';
  url.hash = '';
  return url;
}
