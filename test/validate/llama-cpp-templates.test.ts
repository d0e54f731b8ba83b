import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TemplateChecker } from '../../src/api/validate/template.ts';
import { scanHeader, writeHeader } from '../../src/gguf/index.ts';
import type { Diagnostic } from '../../src/schema/validation.ts';
import { betweenTurns, markersIn } from '../../src/validate/chat-turns.ts';
import { validateFile } from '../../src/validate/index.ts';
import { scratchFolder } from '../helpers/cli.ts';
import { llamaCppSource, withoutGit } from '../helpers/llama-cpp-source.ts';

/** A vocabulary that belongs to a template: its markers are control tokens, and EOS ends a turn. */
function headerWith(template: string, eos: string): Uint8Array {
  const markers = markersIn(template).filter((text) => !/^<\/?(?:tool|think|function|parameter)/.test(text));
  const tokens = [...new Set(['a', 'Ċ', '<s>', eos, ...markers])];
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
      ['tokenizer.ggml.eos_token_id', { type: 'uint32', value: 3 }],
      ['tokenizer.chat_template', string(template)],
    ],
    tensors: [{ name: 'token_embd.weight', type: 'F32', shape: [4, tokens.length] }],
  });
}

describe.skipIf(withoutGit !== null)('the chat templates of llama.cpp’s source', () => {
  const checker = new TemplateChecker();
  const found = new Map<string, Diagnostic[]>();
  beforeAll(async () => {
    await using scratch = await scratchFolder();
    const source = llamaCppSource(scratch.path('llama.cpp'));
    for (const path of source.list('models/templates')) {
      if (!path.endsWith('.jinja')) continue;
      const text = source.text(path);
      const report = await checker.check(text, { bos: '<s>', eos: '</s>' });
      const bytes = headerWith(text, markersIn(betweenTurns(report) ?? '')[0] ?? '</s>');
      const templates = new Map([['tokenizer.chat_template', report]]);
      const diagnostics = validateFile({
        name: 'model.gguf',
        fileBytes: bytes.length,
        scan: scanHeader(bytes),
        templates,
      });
      found.set(
        path.replace(/.*\/|\.jinja/g, ''),
        diagnostics.filter(({ rule }) => rule.startsWith('template/')),
      );
    }
  }, 120_000);
  afterAll(() => checker[Symbol.asyncDispose]());

  it('have no error, no warning, and the notes that are true', () => {
    expect(found.size).toBe(70);
    const dated = [...found].filter(([, diagnostics]) =>
      diagnostics.some(({ rule }) => rule === 'template/date'),
    );
    expect(dated.map(([name]) => name)).toEqual([
      'Apertus-8B-Instruct',
      'MiniMax-M2',
      'Mistral-Small-3.2-24B-Instruct-2506',
      'ibm-granite-granite-3.3-2B-Instruct',
      'meta-llama-Llama-3.1-8B-Instruct',
      'meta-llama-Llama-3.2-3B-Instruct',
      'meta-llama-Llama-3.3-70B-Instruct',
      'muse-glimmer',
      'openai-gpt-oss-120b',
      'upstage-Solar-Open-100B',
    ]);
    const all = [...found].flatMap(([name, diagnostics]) =>
      diagnostics
        .filter(({ rule }) => rule !== 'template/date')
        .map(({ severity, rule, message }) => `${name}: ${severity} ${rule}: ${message}`),
    );
    const own = 'tokenizer.chat_template';
    expect(all).toEqual([
      // A dictionary with numbers as keys, macros that are handed on, a variable that llama.cpp sets: see
      // common/jinja of llama.cpp, whose renderer can.
      `ByteDance-Seed-OSS: note template/render: ${own} does not render with the renderer used here: Object keys must be strings: got IntegerValue`,
      `fireworks-ai-llama-3-firefunction-v2: note template/render: ${own} does not render with the renderer used here: Cannot perform operation + on undefined values`,
      `google-gemma-2-2b-it: note template/system: ${own} takes no system message: System role not supported`,
      `tencent-Hy3: note template/render: ${own} does not render with the renderer used here: Cannot call something that is not a function: got UndefinedValue`,
    ]);
  });
});
