import { statSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  differingKeys,
  huggingFaceReading,
  hyllamaReading,
  nodeLlamaCppReading,
  readingOf,
  withoutByteOrderMarks,
} from '../../bench/peer-readers.ts';
import { extractVocabularyFiles, type VocabularyFiles } from '../../bench/vocabulary-files.ts';
import { readHeader } from '../../src/gguf/index.ts';
import { openFile } from '../../src/io/index.ts';

let files: VocabularyFiles;
beforeAll(() => {
  files = extractVocabularyFiles();
});
afterAll(() => files[Symbol.dispose]());

describe('llama.cpp’s own vocabulary files', () => {
  it('are nineteen, parse without an issue, and read as other readers read them', async () => {
    expect(files.paths).toHaveLength(19);
    for (const path of files.paths) {
      await using source = await openFile(path);
      const header = await readHeader(source);
      expect(header.issues, path).toEqual([]);
      const own = readingOf(header);
      const others = [await nodeLlamaCppReading(path)];
      // The slower readers take the small files; bench/gguf-parse.ts has all three read all of them.
      if (statSync(path).size < 2_000_000) others.push(hyllamaReading(path));
      for (const other of others) {
        expect(differingKeys(own, other), path).toEqual([]);
        expect(own.tensors).toEqual(other.tensors);
      }
      if (statSync(path).size > 800_000) continue;
      const other = await huggingFaceReading(path);
      expect(differingKeys(withoutByteOrderMarks(own), other), path).toEqual([]);
    }
  });
});
