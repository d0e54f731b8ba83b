/** How a model wants to be spoken to, for an app that builds prompts itself. */
export interface PromptFacts {
  /** The turns of one exchange, with `{system}` and `{prompt}` where they go. */
  readonly template: string;
  readonly stop: readonly string[];
  /** Tokens it was trained for. */
  readonly contextLength: number;
  /** Whether its template has a place for a system message. */
  readonly systemRole: boolean;
}

/** One model of the catalogue: where its quantizations are, and what one should know before shipping it. */
export interface CatalogueEntry {
  readonly title: string;
  readonly repo: string;
  readonly revision: string | null;
  /** What the bare name stands for. */
  readonly quantizations: readonly string[];
  readonly licence: string;
  readonly prompt: PromptFacts | null;
}

export type Catalogue = ReadonlyMap<string, CatalogueEntry>;

/** What a mobile developer weighs. Prompt facts are from the models' own cards and chat templates. */
export const BUILT_IN_CATALOGUE: Catalogue = new Map<string, CatalogueEntry>([
  [
    'phi3',
    {
      title: 'Phi-3-mini-4k-instruct',
      repo: 'bartowski/Phi-3-mini-4k-instruct-GGUF',
      revision: null,
      quantizations: ['Q2_K', 'Q4_K_M', 'Q8_0'],
      licence: 'MIT (Microsoft): ship it with the copyright notice.',
      prompt: {
        template: '<|system|>\n{system}<|end|>\n<|user|>\n{prompt}<|end|>\n<|assistant|>\n',
        stop: ['<|end|>', '<|endoftext|>'],
        contextLength: 4096,
        systemRole: true,
      },
    },
  ],
  [
    'llama-3.2-1b',
    {
      title: 'Llama-3.2-1B-Instruct',
      repo: 'bartowski/Llama-3.2-1B-Instruct-GGUF',
      revision: null,
      quantizations: ['Q4_K_M', 'Q8_0'],
      licence:
        'Llama 3.2 Community License (Meta): show "Built with Llama", pass the licence on, mind its use policy.',
      prompt: {
        template:
          '<|begin_of_text|><|start_header_id|>system<|end_header_id|>\n\n{system}<|eot_id|>' +
          '<|start_header_id|>user<|end_header_id|>\n\n{prompt}<|eot_id|>' +
          '<|start_header_id|>assistant<|end_header_id|>\n\n',
        stop: ['<|eot_id|>', '<|end_of_text|>'],
        contextLength: 131_072,
        systemRole: true,
      },
    },
  ],
  [
    'gemma-2b',
    {
      title: 'gemma-2b-it',
      repo: 'lmstudio-ai/gemma-2b-it-GGUF',
      revision: null,
      quantizations: ['Q4_K_M', 'Q8_0'],
      licence: 'Gemma Terms of Use (Google): pass on its use restrictions and say that the file was changed.',
      prompt: {
        template: '<bos><start_of_turn>user\n{prompt}<end_of_turn>\n<start_of_turn>model\n',
        stop: ['<end_of_turn>', '<eos>'],
        contextLength: 8192,
        systemRole: false,
      },
    },
  ],
]);
