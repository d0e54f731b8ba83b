import type { KitGolden, KitResults } from '../../src/schema/kit.ts';

/** What a phone would return that says just what the computer said. */
export function echoOf(golden: KitGolden): KitResults {
  return {
    schema: 'quantscope/kit-results@1',
    createdAt: '2026-03-04T05:06:07.000Z',
    device: { name: 'my phone', os: 'android' },
    library: { name: 'llama.rn', build: '10256', commit: '6c8dcaa' },
    golden: { id: golden.id, modelSha256: golden.model.sha256 },
    model: {
      sha256: null,
      description: 'phi3',
      tensorBytes: golden.model.tensorBytes,
      parameters: golden.model.parameters,
    },
    parameters: { n_ctx: 512 },
    backend: { gpu: false, reasonNoGpu: '', devices: [], systemInfo: '' },
    loadMs: 12,
    memory: { status: 'unavailable', reason: 'not asked' },
    bench: {
      status: 'ok',
      promptTokens: 256,
      generatedTokens: 64,
      repetitions: 3,
      promptTps: 900,
      generationTps: 300,
      flashAttention: 1,
      threads: 4,
    },
    sustained: { status: 'unavailable', reason: 'not asked' },
    replays: golden.prompts.map(({ name, tokens, text, reply }) => ({
      name,
      promptTokens: tokens,
      formattedPrompt: text,
      reply: {
        text: reply.text,
        stop: reply.ends ? 'end' : 'length',
        tokens: (reply.ends ? reply.steps.slice(0, -1) : reply.steps).map((each) => ({
          id: each.token,
          text: each.text,
        })),
      },
      forced: [],
    })),
  };
}
