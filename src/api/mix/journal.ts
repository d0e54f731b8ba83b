import { appendFileSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import type { TensorType } from '../../gguf/index.ts';
import { sha256OfText } from '../../measure/file-hash.ts';
import { messageOf, UsageError } from '../../util/errors.ts';
import type { TypesByTensor } from './workbench.ts';

/** What losses depend on: those measured under another key are others. */
export type JournalKey = Readonly<Record<string, string | number | null>>;

/**
 * Every loss that was measured, a line each, on disk as soon as it is known: a run that was killed goes on from there,
 * and shares of several machines are read together.
 */
export class Journal {
  readonly #path: string;
  readonly #losses: Map<string, number>;
  /** Losses that were measured, and those that were read instead. */
  measured = 0;
  reused = 0;

  private constructor(path: string, losses: Map<string, number>) {
    this.#path = path;
    this.#losses = losses;
  }

  /**
   * @param read journals of runs before, and of shares
   * @throws UsageError `mix/journal`, `output/unwritable`
   */
  static async open(path: string, key: JournalKey, read: readonly string[]): Promise<Journal> {
    const losses = new Map<string, number>();
    for (const each of read) {
      for (const [types, loss] of await readJournal(each, key)) losses.set(types, loss);
    }
    const lines = [{ key }, ...[...losses].map(([types, loss]) => ({ types, loss }))];
    try {
      writeFileSync(path, lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
    } catch (cause) {
      throw unwritable(path, cause);
    }
    return new Journal(path, losses);
  }

  /** The loss of these types, as it was measured before or now. */
  async loss(types: TypesByTensor, measure: () => Promise<number>): Promise<number> {
    const name = nameOf(types);
    const known = this.#losses.get(name);
    if (known !== undefined) {
      this.reused++;
      return known;
    }
    const loss = await measure();
    this.measured++;
    this.#losses.set(name, loss);
    try {
      appendFileSync(this.#path, `${JSON.stringify({ types: name, loss })}\n`);
    } catch (cause) {
      throw unwritable(this.#path, cause);
    }
    return loss;
  }
}

async function readJournal(path: string, key: JournalKey): Promise<Map<string, number>> {
  const text = await readFile(path, 'utf8').catch((cause: unknown) => {
    throw new UsageError('mix/journal', `${path} cannot be read: ${messageOf(cause)}`, {
      cause,
      hint: 'A journal is what an earlier mix of this model kept: NAME.measured.jsonl.',
    });
  });
  // What a killed run was writing has no end of line.
  const [first = '', ...lines] = text
    .slice(0, text.lastIndexOf('\n') + 1)
    .trimEnd()
    .split('\n');
  const found = lineOf(path, 1, first).key;
  if (typeof found !== 'object' || found === null) {
    throw new UsageError('mix/journal', `${path}: no journal of mix: its first line has no key`, {
      hint: 'A journal is what an earlier mix of this model kept: NAME.measured.jsonl.',
    });
  }
  const other = Object.entries(key).find(([name, value]) => (found as JournalKey)[name] !== value);
  if (other !== undefined) {
    const [name, value] = other;
    throw new UsageError(
      'mix/journal',
      `${path} was measured with ${name} ${(found as JournalKey)[name] ?? 'none'}, this is ${value ?? 'none'}`,
      { hint: 'Give the same model, text and options as then, or start anew with --force.' },
    );
  }
  return new Map(
    lines.map((line, index) => {
      const { types, loss } = lineOf(path, index + 2, line);
      if (typeof types === 'string' && typeof loss === 'number') return [types, loss];
      throw new UsageError('mix/journal', `${path}:${index + 2}: expected types and a loss`, {
        hint: 'Take the line out: it is measured again.',
      });
    }),
  );
}

function lineOf(path: string, number: number, line: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(line);
    if (typeof value === 'object' && value !== null) return { ...value };
  } catch {
    // Said below, as what is no object.
  }
  throw new UsageError('mix/journal', `${path}:${number}: no line of a journal`, {
    hint: 'Take the line out: it is measured again.',
  });
}

/** A single type of a few tensors in words, many in a digest. */
function nameOf(types: TypesByTensor): string {
  const byType = new Map<TensorType, string[]>();
  for (const [tensor, type] of types) byType.set(type, [...(byType.get(type) ?? []), tensor]);
  const text = [...byType]
    .map(([type, tensors]) => `${type}: ${tensors.sort().join(' ')}`)
    .sort()
    .join('; ');
  return byType.size === 1 ? text : `${byType.size} types, ${sha256OfText(text)}`;
}

function unwritable(path: string, cause: unknown): UsageError {
  return new UsageError('output/unwritable', `${path} cannot be written: ${messageOf(cause)}`, {
    cause,
    hint: 'Free some space, or name another file with --out.',
  });
}
