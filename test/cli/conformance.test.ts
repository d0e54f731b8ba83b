import { describe, expect, it } from 'vitest';
import type { ValidationReport } from '../../src/schema/validation.ts';
import { CONVERSATIONS } from '../../src/validate/conversations.ts';
import { quantscope } from '../helpers/cli.ts';

const fixture = (rule: string): string => `fixtures/malformed/${rule.replace('/', '.')}.gguf`;

/** What the command shows of a file with one template. */
async function shown(rule: string) {
  const { stdout } = await quantscope(['validate', '--json', '--conformance', fixture(rule)]);
  const report: ValidationReport = JSON.parse(stdout);
  const [table] = report.files[0]?.conformance ?? [];
  return new Map(table?.conversations.map((row) => [row.id, row]));
}

describe('validate --conformance', () => {
  it('shows what the model sees of each conversation, one row each', async () => {
    const rows = await shown('template/tools');
    expect([...rows.keys()]).toEqual(CONVERSATIONS.map(({ id }) => id));
    expect(rows.get('several')).toEqual({
      id: 'several',
      title: 'several turns',
      level: 'ok',
      remarks: [],
      prompt:
        '<|turn|>user Which river runs through Prague?<|over|><|turn|>assistant The Vltava.<|over|>' +
        '<|turn|>user How long is it?<|over|><|turn|>assistant ',
    });
    expect(rows.get('tools')).toMatchObject({
      level: 'note',
      remarks: ['leaves the tools out that are offered'],
    });
    expect(rows.get('typed')).toMatchObject({
      level: 'note',
      remarks: [expect.stringMatching(/^handed on/)],
    });
  });

  it.each([
    ['template/refuses', 'two-users', 'note', /^it refuses: Roles must alternate$/],
    ['template/message-order', 'several', 'warning', /is in the prompt twice$/],
    ['template/drops-message', 'one', 'warning', /is not in the prompt$/],
    [
      'template/prefix',
      'several',
      'warning',
      /^with another turn the prompt changes before the first message/,
    ],
    ['template/generation-prompt', 'one', 'warning', /^add_generation_prompt changes nothing$/],
    ['template/nothing', 'one', 'warning', /^the prompt is empty$/],
    ['template/system', 'system', 'note', /^takes no system message: No system message$/],
    ['template/render', 'one', 'warning', /^it refuses: no$/],
  ])('%s: says so in the row of %s', async (rule, id, level, remark) => {
    const row = (await shown(rule)).get(id);
    expect(row?.level).toBe(level);
    expect(row?.remarks[0]).toMatch(remark);
  });

  it.each([
    ['template/drops-message', ', and 1 more conversation'],
    ['template/message-order', ', and 10 more conversations'],
  ])('counts the other conversations of %s', async (rule, more) => {
    const { stdout } = await quantscope(['validate', '--json', fixture(rule)]);
    const report: ValidationReport = JSON.parse(stdout);
    const messages = report.files[0]?.diagnostics.map(({ message }) => message);
    expect(messages).toContainEqual(expect.stringMatching(new RegExp(`${more}$`)));
  });

  it('is a table on a terminal, and nothing without the option', async () => {
    const { stdout } = await quantscope(['validate', '--conformance', fixture('template/tools')]);
    expect(stdout).toMatch(/^tokenizer\.chat_template: what the model sees, /m);
    expect(stdout).toMatch(/^ok {7}one turn {2,}<\|turn\|>user Which river runs through/m);
    expect(stdout).toMatch(/^note {5}a tool offered /m);
    const plain = await quantscope(['validate', '--json', fixture('template/tools')]);
    expect(JSON.parse(plain.stdout).files[0].conformance).toBeUndefined();
  });
});
