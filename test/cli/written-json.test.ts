import { describe, expect, it } from 'vitest';
import { parseWrittenJson } from '../../src/util/written-json.ts';

describe('JSON that a person wrote', () => {
  it('is what JSON.parse makes of it, with or without a byte order mark', async () => {
    const text = '{"a": [1, {"b": null}], "c": {"a": "\\u00e9"}, "d": [{"a": 1}, {"a": 2}]}';
    expect(await parseWrittenJson(text)).toEqual(JSON.parse(text));
    expect(await parseWrittenJson(`\uFEFF${text}`)).toEqual(JSON.parse(text));
    for (const value of ['7', 'null', '"a"', '[]'])
      expect(await parseWrittenJson(value)).toEqual(JSON.parse(value));
  });

  it.each([
    ['{"a": 1,\n\n"a": 2}', '"a" is there twice: in line 1 and in line 3'],
    ['{"x": {"a": 1, "a": 1}}', '"a" is there twice: in line 1 and in line 1'],
    ['[{"a": 1}, {"\\u0061": 1, "a": 2}]', '"a" is there twice'],
    ['{"a": {"b": 1}, "c": 2, "a": 3}', '"a" is there twice'],
    ['{"__proto__": 1, "__proto__": 2}', '"__proto__" is there twice'],
  ])('has no key twice in one object: %j', async (text, message) => {
    await expect(parseWrittenJson(text)).rejects.toThrow(message);
  });

  it.each(['', '{', '{"a": 1,}', '// nothing\n{}', '{"a": NaN}'])('is JSON and no more: %j', async (text) => {
    await expect(parseWrittenJson(text)).rejects.toThrow(/^not JSON: /);
  });
});
