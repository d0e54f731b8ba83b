import { basename } from 'node:path';
import type { Tasks } from '../schema/figures.ts';
import { type Replies, repliesSchema } from '../schema/replies.ts';
import type { Results } from '../schema/results.ts';
import { ANSWER_KINDS, type AnswerKind, SCHEMA_IDS } from '../schema/terms.ts';
import { type Answered, answersOf } from './answers.ts';
import { sha256OfText } from './file-hash.ts';

/** Results up to this size keep the replies with the figures. */
const LARGEST_RESULTS_BYTES = 5_000_000;
export const REPLIES_SUFFIX = '.replies';

type Said = Replies['variants'][number];

export interface DocumentFile {
  readonly path: string;
  readonly text: string;
}

/** A document as the file that it becomes. */
export function documentFile(path: string, document: object): DocumentFile {
  return { path, text: `${JSON.stringify(document, null, 2)}\n` };
}

/** The files that results become: themselves, and before them their replies where these make them large. */
export function resultsFiles(path: string, results: Results): DocumentFile[] {
  const whole = documentFile(path, results);
  if (Buffer.byteLength(whole.text) <= LARGEST_RESULTS_BYTES) return [whole];
  const { variants, endpoints = [] } = results;
  const replies: Replies = {
    schema: SCHEMA_IDS.replies,
    variants: variants.map(repliesOf),
    endpoints: endpoints.map(repliesOf),
  };
  // No .json at its end: `report *.json` is to find results alone.
  const beside = documentFile(`${path}${REPLIES_SUFFIX}`, replies);
  const repliesBeside = { file: basename(beside.path), sha256: sha256OfText(beside.text) };
  const figures = {
    ...results,
    variants: variants.map((row) => withReplies(row, {})),
    ...(results.endpoints === undefined ? {} : { endpoints: endpoints.map((row) => withReplies(row, {})) }),
    repliesBeside,
  };
  return [beside, documentFile(path, figures)];
}

/**
 * Results with the replies that lay beside them.
 * @param text of the file that they name
 * @returns why it is not that file, or the results
 */
export function joinReplies(results: Results, text: string): Results | string {
  const { repliesBeside, ...figures } = results;
  if (repliesBeside === undefined) return results;
  if (sha256OfText(text) !== repliesBeside.sha256) return 'it was changed, or is of another run';
  const checked = repliesSchema.safeParse(JSON.parse(text));
  if (!checked.success) return `it is not as ${SCHEMA_IDS.replies} says`;
  const { variants, endpoints } = checked.data;
  return {
    ...figures,
    variants: figures.variants.map((row, at) => withReplies(row, variants[at] ?? {})),
    ...(figures.endpoints === undefined
      ? {}
      : { endpoints: figures.endpoints.map((row, at) => withReplies(row, endpoints[at] ?? {})) }),
  };
}

function repliesOf(row: Answered & { readonly name: string }): Said {
  const said: Partial<Record<AnswerKind, readonly string[]>> = {};
  for (const kind of ANSWER_KINDS) {
    const replies = answersOf(row, kind)?.replies;
    if (replies !== undefined) said[kind] = replies;
  }
  return { name: row.name, ...said };
}

function withReplies<Row extends Answered>(row: Row, said: Partial<Said>): Row {
  const changed: Partial<Record<AnswerKind, Tasks>> = {};
  for (const kind of ANSWER_KINDS) {
    const tasks = answersOf(row, kind);
    if (tasks === null) continue;
    const { replies: _, ...figures } = tasks;
    const replies = said[kind];
    changed[kind] = replies === undefined ? figures : { ...figures, replies };
  }
  return { ...row, ...changed };
}
