import { countMatches } from './answer-text.ts';

/**
 * Instructions that a program can check, by the ids and arguments of IFEval (arXiv 2311.07911) as
 * lm-evaluation-harness 0.4.13 checks them. Two differ for want of Python's packages: sentences are counted by
 * Unicode's rules instead of NLTK's, and whether text in one case is English is not asked.
 */
export interface Instruction {
  readonly id: string;
  readonly args: Readonly<Record<string, unknown>>;
}

type Check = (reply: string, args: Arguments, prompt: string) => boolean;

/** The arguments by type: one that is missing or of another type is nothing, 0 or no texts. */
interface Arguments {
  text(name: string): string;
  number(name: string): number;
  texts(name: string): readonly string[];
  /** Whether a count is `less than` or `at least` what is asked, by the argument `relation`. */
  holds(count: number, name: string): boolean;
}

const CHECKS: Readonly<Record<string, Check>> = {
  'keywords:existence': (reply, { texts }) =>
    texts('keywords').every((word) => countMatches(pattern(word, 'iu'), reply) > 0),
  'keywords:frequency': (reply, { text, holds }) =>
    holds(countMatches(pattern(text('keyword'), 'giu'), reply), 'frequency'),
  'keywords:forbidden_words': (reply, { texts }) =>
    !texts('forbidden_words').some(
      (word) => countMatches(pattern(`(?<![\\p{L}\\p{N}_])${word}(?![\\p{L}\\p{N}_])`, 'iu'), reply) > 0,
    ),
  'keywords:letter_frequency': (reply, { text, number }) => {
    const count = [...reply.toLowerCase()].filter((letter) => letter === text('letter').toLowerCase()).length;
    return text('let_relation') === 'less than'
      ? count < number('let_frequency')
      : count >= number('let_frequency');
  },
  'length_constraints:number_sentences': (reply, { holds }) => holds(sentencesIn(reply), 'num_sentences'),
  'length_constraints:number_paragraphs': (reply, { number }) => {
    const parts = reply.split(/\s?\*\*\*\s?/);
    const isBlank = (part: string | undefined) => part?.trim() === '';
    if (parts.slice(1, -1).some(isBlank)) return false;
    const outer = parts.length === 1 ? [parts[0]] : [parts[0], parts.at(-1)];
    return parts.length - outer.filter(isBlank).length === number('num_paragraphs');
  },
  'length_constraints:number_words': (reply, { holds }) =>
    holds(countOf(reply, /[\p{L}\p{N}_]+/gu), 'num_words'),
  'length_constraints:nth_paragraph_first_word': (reply, { number, text }) => {
    const all = reply.split('\n\n');
    const count = all.filter((part) => part.trim() !== '').length;
    const nth = number('nth_paragraph');
    const [word = ''] = (nth <= count ? (all[nth - 1] ?? '') : '').trim().split(/\s+/);
    const [first = ''] = word
      .replace(/^'+/, '')
      .replace(/^"+/, '')
      .toLowerCase()
      .split(/[.,?!'"]/);
    return count === number('num_paragraphs') && first !== '' && first === text('first_word').toLowerCase();
  },
  'detectable_content:number_placeholders': (reply, { number }) =>
    countOf(reply, /\[.*?\]/g) >= number('num_placeholders'),
  'detectable_content:postscript': (reply, { text }) => {
    const marker = text('postscript_marker');
    const usual: Readonly<Record<string, RegExp>> = { 'P.P.S': /p\.\s?p\.\s?s/, 'P.S.': /p\.\s?s\./ };
    return countMatches(usual[marker] ?? pattern(marker.toLowerCase(), 'u'), reply.toLowerCase()) > 0;
  },
  'detectable_format:number_bullet_lists': (reply, { number }) =>
    countOf(reply, /^\s*\*[^*].*$/gm) + countOf(reply, /^\s*-.*$/gm) === number('num_bullets'),
  'detectable_format:constrained_response': (reply) =>
    ['My answer is yes.', 'My answer is no.', 'My answer is maybe.'].some((answer) => reply.includes(answer)),
  'detectable_format:number_highlighted_sections': (reply, { number }) => {
    const marked = [...(reply.match(/\*[^\n*]*\*/g) ?? []), ...(reply.match(/\*\*[^\n*]*\*\*/g) ?? [])];
    return marked.filter((each) => each.replaceAll('*', '').trim() !== '').length >= number('num_highlights');
  },
  'detectable_format:multiple_sections': (reply, { text, number }) =>
    countMatches(pattern(`\\s?${text('section_spliter')}\\s?\\d+\\s?`, 'gu'), reply) >=
    number('num_sections'),
  'detectable_format:json_format': (reply) => {
    const body = reply
      .trim()
      .replace(/^```(?:json|Json|JSON)?/, '')
      .replace(/```$/, '');
    try {
      JSON.parse(body);
      return true;
    } catch {
      return false;
    }
  },
  'detectable_format:title': (reply) =>
    (reply.match(/<<[^\n]+>>/g) ?? []).some(
      (title) => title.replace(/^<+/, '').replace(/>+$/, '').trim() !== '',
    ),
  'combination:two_responses': (reply) => {
    const parts = reply.split('******');
    if (parts.slice(1, -1).some((part) => part.trim() === '')) return false;
    const said = parts.map((part) => part.trim()).filter((part) => part !== '');
    return said.length === 2 && said[0] !== said[1];
  },
  'combination:repeat_prompt': (reply, { text }, prompt) =>
    reply
      .trim()
      .toLowerCase()
      .startsWith((text('prompt_to_repeat') || prompt).trim().toLowerCase()),
  'startend:end_checker': (reply, { text }) =>
    reply
      .trim()
      .replace(/^"+|"+$/g, '')
      .toLowerCase()
      .endsWith(text('end_phrase').trim().toLowerCase()),
  'startend:quotation': (reply) => /^".*"$/s.test(reply.trim()) && reply.trim().length > 1,
  'change_case:capital_word_frequency': (reply, { number, text }) => {
    const words = reply.split(/[^\p{L}\p{N}_'-]+/u).filter((word) => isCased(word, 'toUpperCase'));
    const asked = number('capital_frequency');
    return text('capital_relation') === 'less than' ? words.length < asked : words.length >= asked;
  },
  'change_case:english_capital': (reply) => isCased(reply, 'toUpperCase'),
  'change_case:english_lowercase': (reply) => isCased(reply, 'toLowerCase'),
  'punctuation:no_comma': (reply) => !reply.includes(','),
};

/** The ids that can be checked. */
export const INSTRUCTION_IDS: ReadonlySet<string> = new Set(Object.keys(CHECKS));

/**
 * Whether a reply follows instructions.
 * @returns strict: as it is; loose: also without its first line, its last line or its asterisks. One each instruction.
 */
export function followed(
  instructions: readonly Instruction[],
  prompt: string,
  reply: string,
): { readonly strict: boolean[]; readonly loose: boolean[] } {
  const lines = reply.split('\n');
  const parts = [reply, lines.slice(1), lines.slice(0, -1), lines.slice(1, -1)].map((part) =>
    typeof part === 'string' ? part : part.join('\n').trim(),
  );
  const forms = [...parts, ...parts.map((part) => part.replaceAll('*', ''))];
  const follows = (text: string, { id, args }: Instruction) =>
    text.trim() !== '' && CHECKS[id]?.(text, argumentsOf(args), prompt) === true;
  return {
    strict: instructions.map((each) => follows(reply, each)),
    loose: instructions.map((each) => forms.some((form) => follows(form, each))),
  };
}

function argumentsOf(args: Instruction['args']): Arguments {
  const text = (name: string) => (typeof args[name] === 'string' ? args[name] : '');
  const number = (name: string) => Number(args[name] ?? 0);
  return {
    text,
    number,
    texts: (name) => {
      const value: unknown = args[name];
      return Array.isArray(value) ? value.filter((each) => typeof each === 'string') : [];
    },
    holds: (count, name) => (text('relation') === 'less than' ? count < number(name) : count >= number(name)),
  };
}

/** A keyword is a pattern, as in Python; one that is none stands for itself. */
function pattern(source: string, flags: string): RegExp {
  try {
    return new RegExp(source, flags);
  } catch {
    return new RegExp(source.replaceAll(/[\\^$.*+?()[\]{}|/]/g, '\\$&'), flags);
  }
}

function countOf(text: string, found: RegExp): number {
  return text.match(found)?.length ?? 0;
}

/** As Python's isupper and islower: at least one letter with a case, and none in the other. */
function isCased(text: string, to: 'toUpperCase' | 'toLowerCase'): boolean {
  return text === text[to]() && text.toUpperCase() !== text.toLowerCase();
}

function sentencesIn(text: string): number {
  const segments = [...new Intl.Segmenter('en', { granularity: 'sentence' }).segment(text)];
  return segments.filter(({ segment }) => segment.trim() !== '').length;
}
