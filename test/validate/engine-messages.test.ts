import { describe, expect, it } from 'vitest';
import { messageRule } from '../../src/validate/engine-messages.ts';
import { RULES } from '../../src/validate/index.ts';
import { scratchFolder } from '../helpers/cli.ts';
import { llamaCppSource, withoutGit } from '../helpers/llama-cpp-source.ts';

/** Warnings of the tokenizer at work, which no load logs: the lines of the functions that tokenize. */
const WHILE_TOKENIZING = /^(?:\w\w: \(|%s: Added a (?:BOS|EOS) token)/;

describe.skipIf(withoutGit !== null)('the engine’s warnings of a vocabulary', () => {
  it('have a rule each, down to the last one in llama.cpp’s source', async () => {
    await using scratch = await scratchFolder();
    const text = llamaCppSource(scratch.path('llama.cpp')).text('src/llama-vocab.cpp');
    const messages = [...text.matchAll(/LLAMA_LOG_WARN\(\s*((?:"(?:\\.|[^"\\])*"\s*)+)/g)]
      .map(([, literals = '']) =>
        [...literals.matchAll(/"((?:\\.|[^"\\])*)"/g)].map(([, part = '']) => part).join(''),
      )
      .filter((format) => !WHILE_TOKENIZING.test(format));
    expect(messages.length).toBe(32);
    for (const format of messages) {
      // As the log has it: numbers and texts in place of what printf puts there.
      const line = format.replace('%s: ', 'load: ').replace(/\\n/g, '').replaceAll("'%s'", "'x'");
      const logged = line
        .replace(/%\d*(?:[du]|zu)/g, '7')
        .replace(/%s/g, 'x')
        .trim();
      const rule = messageRule(logged);
      expect(rule, logged).not.toBeNull();
      expect(Object.keys(RULES), logged).toContain(rule);
    }
  });

  it('are unknown where llama.cpp says something new', () => {
    expect(messageRule('load: the moon is in the wrong quarter')).toBeNull();
  });
});
