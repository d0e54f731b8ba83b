import type { TemplateConformance } from '../schema/validation.ts';
import { statusLines } from './finding-text.ts';
import type { TextLayout } from './table-text.ts';
import { shortenMiddle } from './text-width.ts';

/** A prompt is shown so far: what a template writes around messages is at its beginning and its end. */
const LONGEST_PROMPT = 480;
const RENDERERS = {
  'llama.cpp': 'by llama.cpp’s own renderer',
  equivalent: 'as llama.cpp’s own renderer writes it',
  'stand-in': 'by a stand-in for llama.cpp’s own renderer, which is not installed',
} as const;
const TONES = { ok: 'good', note: 'quiet', warning: 'warn' } as const;

/** A row for each conversation: how it is taken, what it is, what the model sees of it, and what is to be said. */
export function conformanceText(
  { key, renderer, conversations }: TemplateConformance,
  layout: TextLayout,
): string[] {
  const rows = conversations.map(({ title, level, remarks, prompt }) => ({
    status: { text: level, tone: TONES[level] },
    name: title,
    text: prompt === null ? 'no prompt' : shortenMiddle(prompt.replaceAll('\n', '↵'), LONGEST_PROMPT),
    ...(remarks.length === 0 ? {} : { advice: remarks.join('; ') }),
  }));
  return [
    '',
    layout.style.bold(`${key}: what the model sees, ${RENDERERS[renderer]}`),
    ...statusLines(rows, layout),
  ];
}
