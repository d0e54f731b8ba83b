import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TemplateChecker } from '../../src/api/validate/template.ts';
import { boundedReport } from '../../src/api/validate/template-bounded.ts';
import { renderConversations } from '../../src/api/validate/template-render.ts';
import { findNativeCompiler } from '../../src/engine/native-template.ts';
import { scanHeader, writeHeader } from '../../src/gguf/index.ts';
import type { Diagnostic } from '../../src/schema/validation.ts';
import { markersIn } from '../../src/validate/chat-turns.ts';
import { type TemplateReport, validateFile } from '../../src/validate/index.ts';
import { scratchFolder } from '../helpers/cli.ts';
import { llamaCppSource, withoutGit } from '../helpers/llama-cpp-source.ts';

/** A vocabulary as a model of the template has it: markers are control tokens, and EOS is `eos`. */
function headerWith(template: string, tokens: readonly string[], eos: number): Uint8Array {
  const string = (value: string) => ({ type: 'string', value }) as const;
  return writeHeader({
    metadata: [
      ['general.architecture', string('phi2')],
      ['tokenizer.ggml.model', string('gpt2')],
      ['tokenizer.ggml.pre', string('default')],
      ['tokenizer.ggml.tokens', { type: 'array', elementType: 'string', values: tokens }],
      [
        'tokenizer.ggml.token_type',
        { type: 'array', elementType: 'int32', values: tokens.map((_, id) => (id < 2 ? 1 : 3)) },
      ],
      ['tokenizer.ggml.bos_token_id', { type: 'uint32', value: 2 }],
      ['tokenizer.ggml.eos_token_id', { type: 'uint32', value: eos }],
      ['tokenizer.chat_template', string(template)],
    ],
    tensors: [{ name: 'token_embd.weight', type: 'F32', shape: [4, tokens.length] }],
  });
}

const TEMPLATE = 'tokenizer.chat_template';
const BOS = '<s>';
const EOS = '</s>';
const compile = await findNativeCompiler();

describe.skipIf(withoutGit !== null || compile === null)('the chat templates of llama.cpp’s source', () => {
  const checker = new TemplateChecker();
  const found = new Map<string, Diagnostic[]>();
  const reports = new Map<string, TemplateReport>();
  beforeAll(async () => {
    await using scratch = await scratchFolder();
    const source = llamaCppSource(scratch.path('llama.cpp'));
    for (const path of source.list('models/templates')) {
      if (!path.endsWith('.jinja')) continue;
      const text = source.text(path);
      const name = path.replace(/.*\/|\.jinja/g, '');
      const report = await checker.check(text, { bos: BOS, eos: EOS });
      reports.set(name, report);
      found.set(name, judged(report, EOS));
    }
  }, 120_000);
  afterAll(() => checker[Symbol.asyncDispose]());

  /** What is said of a template in a file whose EOS is this token. */
  function judged(report: TemplateReport, eos: string): Diagnostic[] {
    const markers = markersIn(report.text).filter(
      (text) => !/^<\/?(?:tool|think|function|parameter)/.test(text),
    );
    const tokens = [...new Set(['a', 'Ċ', BOS, EOS, ...markers])];
    const bytes = headerWith(report.text, tokens, tokens.indexOf(eos));
    const diagnostics = validateFile({
      name: 'model.gguf',
      fileBytes: bytes.length,
      scan: scanHeader(bytes),
      templates: new Map([[TEMPLATE, report]]),
    });
    return diagnostics.filter(({ rule }) => rule.startsWith('template/'));
  }

  it('are rendered at once, or by llama.cpp, with the same outcome', () => {
    expect(found.size).toBe(70);
    const atOnce = [...reports.values()].flatMap(({ text, conversations }) => {
      const bounded = boundedReport(text, { bos: BOS, eos: EOS });
      return bounded === null ? [] : [{ text, bounded, conversations }];
    });
    expect(atOnce.length).toBeGreaterThan(10);
    for (const { text, bounded, conversations } of atOnce) {
      const template = compile?.(text);
      const tokens = { bos: BOS, eos: EOS };
      expect(bounded.conversations).toEqual(conversations);
      expect(conversations).toEqual(
        renderConversations((variables) => template?.render(variables) ?? '', text, tokens),
      );
    }
  });

  it('have no error, and no warning but those whose reason is known', () => {
    const all = [...found].flatMap(([name, diagnostics]) =>
      diagnostics
        .filter(({ severity, rule }) => severity !== 'note' && rule !== 'template/turn-end')
        .map(({ severity, rule, message }) => `${name}: ${severity} ${rule}: ${message.slice(0, 90)}`),
    );
    const own = 'tokenizer.chat_template adds to what is said';
    expect(all).toEqual([
      // The model was trained to begin each reply with it, and the template writes it for the model.
      `Apriel-1.6-15b-Thinker-fixed: warning template/fixed-text: ${own}: "Here are my reasoning steps:"`,
      // Its instructions of how to call a tool are repeated behind the turns: the format is made so.
      `CohereForAI-c4ai-command-r-plus-tool_use: warning template/fixed-text: ${own}: "Write 'Action:' followed by a json-formatte`,
    ]);
  });

  it('end a turn with a token at which replies end, which a file must state where llama.cpp does not know it', () => {
    const unknown = [...found].flatMap(([name, diagnostics]) =>
      diagnostics
        .filter(({ rule }) => rule === 'template/turn-end')
        .map(({ message }) => [name, /^a turn ends with "(.+?)" /.exec(message)?.[1]]),
    );
    // EOS or EOT in the files of these models; llama.cpp’s own list of texts has none of them.
    const stated = {
      'Apertus-8B-Instruct': '<|assistant_end|>',
      'ByteDance-Seed-OSS': '<seed:eos>',
      Cohere2MoE: '<|END_TEXT|>',
      'CohereForAI-c4ai-command-r-plus-tool_use': '<|END_OF_TURN_TOKEN|>',
      'CohereForAI-c4ai-command-r7b-12-2024-tool_use': '<|END_RESPONSE|>',
      'GLM-4.6': '<|user|>',
      'GLM-4.7-Flash': '<|user|>',
      'GigaChat3-10B-A1.8B': '<|message_sep|>',
      'GigaChat3.1-10B-A1.8B': '<|message_sep|>',
      'Kimi-K3': '<|close|>',
      'MiniMax-M1': '<end_of_sentence>',
      'NVIDIA-Nemotron-Nano-v2': '<SPECIAL_12>',
      'Reka-Edge': '<sep>',
      'inclusionai-ling-3.0-flash': '<|role_end|>',
      'muse-glimmer': '<|eot|>',
      'poolside-Laguna-S-2.1': '</assistant>',
      'poolside-Laguna-XS-2.1': '</assistant>',
      'poolside-Laguna-XS.2': '</assistant>',
    };
    expect(unknown).toEqual(Object.entries(stated));
    for (const [name, eos] of Object.entries(stated)) {
      const report = reports.get(name);
      const rules = report === undefined ? ['none'] : judged(report, eos).map(({ rule }) => rule);
      expect(rules, name).not.toContain('template/turn-end');
    }
  });

  it('say what they are by notes: refusals, dates, instructions, what they leave out', () => {
    const noted = (rule: string): string[] =>
      [...found].flatMap(([name, all]) => (all.some((each) => each.rule === rule) ? [name] : []));
    expect(noted('template/date')).toEqual([
      'Apertus-8B-Instruct',
      'Mistral-Small-3.2-24B-Instruct-2506',
      'fireworks-ai-llama-3-firefunction-v2',
      'ibm-granite-granite-3.3-2B-Instruct',
      'meta-llama-Llama-3.1-8B-Instruct',
      'meta-llama-Llama-3.2-3B-Instruct',
      'meta-llama-Llama-3.3-70B-Instruct',
      'muse-glimmer',
      'openai-gpt-oss-120b',
      'upstage-Solar-Open-100B',
    ]);
    // Two read a message before they know that there is one; no app has a conversation without any.
    expect(noted('template/render')).toEqual(['google-gemma-4-31B-it-interleaved', 'google-gemma-4-31B-it']);
    expect(noted('template/prefix')).toEqual([
      // Reasoning of the last reply alone is kept: it is gone when the next turn comes.
      'NVIDIA-Nemotron-Nano-v2',
      'Qwen-Qwen3-0.6B',
      'Qwen3.5-4B',
      'StepFun3.5-Flash',
    ]);
    expect(noted('template/refuses')).toHaveLength(8);
    expect(noted('template/system')).toHaveLength(18);
    expect(noted('template/tools')).toHaveLength(8);
    expect(noted('template/fixed-text')).toHaveLength(35);
    expect(noted('template/unseen')).toEqual([]);
  });
});
