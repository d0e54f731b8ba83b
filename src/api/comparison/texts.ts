import { readdir } from 'node:fs/promises';
import { basename, extname, join } from 'node:path';
import type { EvaluationText, NamedText } from '../../measure/domains.ts';
import type { EvaluationSet } from '../../measure/evaluation-data.ts';
import { sha256OfText } from '../../measure/file-hash.ts';
import type { Settings } from '../../schema/results.ts';
import { UsageError } from '../../util/errors.ts';
import { packagePath } from '../../util/package-files.ts';
import { readInput } from '../input-file.ts';
import { shown } from './shown-path.ts';

/** Stands for the texts that come with the package: chat, code and seven languages. */
const SHIPPED = 'domains';
const SHIPPED_FOLDER = 'fixtures/general/domains';

const NAMED = /^([\p{L}\p{N} ._-]{1,32})=(.+)$/su;

/** What models are scored on, and how results name it. */
interface EvaluatedTexts {
  readonly text: EvaluationText;
  readonly names: Pick<Settings['evaluation'], 'text' | 'textSha256'>;
}

interface Source {
  readonly name: string;
  readonly path: string;
}

/**
 * The text that models are scored on, or one for each domain, and how results name it.
 * @param asked `FILE`, `NAME=FILE` or `domains`, of which several may be
 * @throws UsageError `input/unreadable`, `usage/text`
 */
export async function readTexts(
  set: EvaluationSet,
  asked: string | readonly string[] = packagePath(`fixtures/${set}/text.txt`),
): Promise<EvaluatedTexts> {
  const wanted = [asked].flat();
  const sources = (await Promise.all(wanted.map(sourcesOf))).flat();
  requireDifferent(sources);
  const texts = await Promise.all(sources.map(read));
  const [only] = texts;
  if (only !== undefined && texts.length === 1) {
    return { text: only.text, names: { text: shown(only.path), textSha256: sha256OfText(only.text) } };
  }
  return {
    text: texts,
    names: {
      text: wanted.every((each) => each === SHIPPED)
        ? SHIPPED_FOLDER
        : texts.map(({ name, path }) => `${name}=${shown(path)}`).join(', '),
      textSha256: sha256OfText(JSON.stringify(texts.map(({ name, text }) => [name, text]))),
    },
  };
}

async function sourcesOf(asked: string): Promise<Source[]> {
  if (asked === SHIPPED) {
    const folder = packagePath(SHIPPED_FOLDER);
    const files = (await readdir(folder)).filter((file) => extname(file) === '.txt').sort();
    return files.map((file) => sourceOf(join(folder, file)));
  }
  const [, name, path] = NAMED.exec(asked) ?? [];
  return name === undefined || path === undefined ? [sourceOf(asked)] : [{ name: name.trim(), path }];
}

function sourceOf(path: string): Source {
  return { name: basename(path, extname(path)), path };
}

function requireDifferent(sources: readonly Source[]): void {
  const seen = new Map<string, string>();
  for (const { name, path } of sources) {
    const other = seen.get(name);
    if (other !== undefined) {
      throw new UsageError('usage/text', `two texts are called ${name}: ${other} and ${path}`, {
        hint: `Name them, such as --text chat=${path}.`,
      });
    }
    seen.set(name, path);
  }
}

async function read({ name, path }: Source): Promise<NamedText & Source> {
  return { name, path, text: await readInput(path, '--text') };
}
