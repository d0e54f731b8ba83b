import { describe, expect, it } from 'vitest';
import { array, pair, string, u32 } from '../../fixtures/make/bytes.ts';
import { bytesOf, llama, withPairs } from '../../fixtures/make/model.ts';
import { boundedReport } from '../../src/api/validate/template-bounded.ts';
import { scanHeader } from '../../src/gguf/index.ts';
import { validateFile } from '../../src/validate/index.ts';

/** What is said of markers that are no tokens, where a turn ends with this text. */
function severities(end: string): string[] {
  const text = `{% for m in messages %}<|{{ m.role }}|> <|user|>{{ m.content }}${end}{% endfor %}`;
  const ids = (key: string, value: number) => ({ [key]: pair(key, 'u32', u32(value)) });
  const tokens = 'tokenizer.ggml.tokens';
  const bytes = Uint8Array.from(
    bytesOf(
      withPairs(llama(), {
        [tokens]: pair(tokens, 'array', array('string', ['a', 'b', '</s>', 'c'].map(string))),
        ...ids('tokenizer.ggml.eos_token_id', 2),
        'tokenizer.chat_template': pair('tokenizer.chat_template', 'string', string(text)),
      }),
    ),
  );
  const report = boundedReport(text);
  if (report === null) throw new Error('the template is rendered elsewhere');
  const templates = new Map([['tokenizer.chat_template', { ...report, text }]]);
  const facts = { name: 'm.gguf', fileBytes: bytes.length, scan: scanHeader(bytes), templates };
  return validateFile(facts).flatMap(({ rule, severity }) => (rule === 'template/marker' ? [severity] : []));
}

describe('a marker that is no token of the vocabulary', () => {
  it('is a note where a token ends the turn, as in Zephyr and Llama 2', () => {
    expect(severities('</s>')).toEqual(['note']);
  });
  it('is a warning where nothing else ends the turn', () => {
    expect(severities('<|im_end|>')).toEqual(['warning']);
  });
});
