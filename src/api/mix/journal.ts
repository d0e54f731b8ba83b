import { appendFileSync } from 'node:fs';
import { z } from 'zod';
import type { TensorType } from '../../gguf/index.ts';
import { sha256OfText } from '../../measure/file-hash.ts';
import { boundedText } from '../../util/bounded-text.ts';
import { messageOf, UsageError } from '../../util/errors.ts';
import { writeOutput } from '../../util/output-file.ts';
import { OUT_HINT } from './files.ts';
import type { Measured, TypesByTensor } from './workbench.ts';

/** What losses depend on: those measured under another key are others. */
export type JournalKey = Readonly<Record<string, string | number | null>>;

/** A line: what a set of types loses on the text of the choice, or all figures of it on the other. */
type Line =
  | { readonly types: string; readonly loss: number }
  | (Omit<Measured, 'klds'> & { readonly figures: string; readonly klds: string });

/**
 * Everything that was measured, a line each, on disk as soon as it is known: a run that was killed goes on from there,
 * and shares of several machines are read together.
 */
export class Journal {
  readonly #path: string;
  readonly #lines: Map<string, Line>;
  /** Losses that were measured, and those that were read instead. */
  measured = 0;
  reused = 0;

  private constructor(path: string, lines: Map<string, Line>) {
    this.#path = path;
    this.#lines = lines;
  }

  /**
   * @param read journals of runs before, and of shares
   * @throws UsageError `mix/journal`, `output/unwritable`
   */
  static async open(path: string, key: JournalKey, read: readonly string[]): Promise<Journal> {
    const known = new Map<string, Line>();
    for (const each of read) {
      for (const line of await readJournal(each, key)) known.set(placeOf(line), line);
    }
    const text = [{ key }, ...known.values()].map((line) => `${JSON.stringify(line)}\n`).join('');
    await writeOutput(path, text, OUT_HINT);
    return new Journal(path, known);
  }

  /** The loss of these types on the text of the choice, as it was measured before or now. */
  async loss(types: TypesByTensor, measure: () => Promise<Measured>): Promise<number> {
    const name = nameOf(types);
    const known = this.#lines.get(name);
    if (known !== undefined && 'loss' in known) {
      this.reused++;
      return known.loss;
    }
    const { meanKld } = await measure();
    this.measured++;
    this.#keep({ types: name, loss: meanKld });
    return meanKld;
  }

  /** All figures of these types on the other text. */
  async figures(types: TypesByTensor, text: string, measure: () => Promise<Measured>): Promise<Measured> {
    const name = `${text}: ${nameOf(types)}`;
    const known = this.#lines.get(name);
    if (known !== undefined && 'figures' in known) {
      const { figures: _, klds, ...figures } = known;
      return { ...figures, klds: new Float64Array(Uint8Array.from(Buffer.from(klds, 'base64')).buffer) };
    }
    const measured = await measure();
    const klds = Buffer.from(measured.klds.buffer).toString('base64');
    this.#keep({ figures: name, ...measured, klds });
    return measured;
  }

  #keep(line: Line): void {
    this.#lines.set(placeOf(line), line);
    try {
      appendFileSync(this.#path, `${JSON.stringify(line)}\n`);
    } catch (cause) {
      throw new UsageError('output/unwritable', `${this.#path} cannot be written: ${messageOf(cause)}`, {
        cause,
        hint: OUT_HINT,
      });
    }
  }
}

function placeOf(line: Line): string {
  return 'types' in line ? line.types : line.figures;
}

const lineSchema = z.union([
  z.strictObject({ types: z.string(), loss: z.number() }),
  z.strictObject({
    figures: z.string(),
    perplexity: z.number(),
    meanKld: z.number(),
    stderrKld: z.number(),
    sameTop: z.number(),
    klds: z.string(),
  }),
]);
const headSchema = z.strictObject({ key: z.record(z.string(), z.union([z.string(), z.number(), z.null()])) });

async function readJournal(path: string, key: JournalKey): Promise<Line[]> {
  const text = await boundedText(path).catch((cause: unknown) => {
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
  const head = headSchema.safeParse(jsonOf(first));
  if (!head.success) {
    throw new UsageError('mix/journal', `${path} is no journal of mix: its first line has no key`, {
      hint: 'A journal is what an earlier mix of this model kept: NAME.measured.jsonl.',
    });
  }
  const found = head.data.key;
  const other = Object.entries(key).find(([name, value]) => found[name] !== value);
  if (other !== undefined) {
    const [name, value] = other;
    throw new UsageError(
      'mix/journal',
      `${path} was measured with ${name} ${found[name] ?? 'none'}, this is ${value ?? 'none'}`,
      { hint: 'Give the same model, text and options as then, or start anew with --force.' },
    );
  }
  return lines.map((line, index) => {
    const parsed = lineSchema.safeParse(jsonOf(line));
    if (parsed.success) return parsed.data;
    throw new UsageError('mix/journal', `${path}:${index + 2}: no line of a journal`, {
      hint: 'Take the line out: it is measured again.',
    });
  });
}

/** undefined where it is no JSON. */
function jsonOf(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
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
