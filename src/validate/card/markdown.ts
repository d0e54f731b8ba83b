import { getDefaults, Lexer, type Token, Tokenizer, type Tokens } from 'marked';

/** What a card is made of, as far as it can claim something. Code blocks and pictures claim nothing. */
export type Block =
  | { readonly kind: 'field'; readonly line: number; readonly key: string; readonly text: string }
  | { readonly kind: 'heading'; readonly line: number; readonly level: number; readonly text: string }
  | {
      readonly kind: 'paragraph';
      readonly line: number;
      /** Plain text; a line feed where the source has one, a HARD_BREAK where the reader sees a new line. */
      readonly text: string;
      /** Text of the list items that it is nested in, outermost first. */
      readonly above: readonly string[];
    }
  | {
      readonly kind: 'table';
      readonly columns: readonly string[];
      readonly rows: readonly { readonly line: number; readonly cells: readonly string[] }[];
    };

export const HARD_BREAK = '\u2028';

/** No paragraph of a card is longer; patterns are not run over what may be anything. */
const LONGEST_TEXT = 4000;
/** Marks of quotes and lists before a line's text; the parser recurses into each. */
const DEEP = /^(?:[ \t>]|[-*+][ \t]){60,}/;
const FRONT_MATTER = /^---[ \t]*\n(?:(?!---)[^\n]*\n){0,5000}?---[ \t]*(?:\n|$)/;

/** Reads Markdown as the Hub renders it: a YAML head, then GitHub's dialect. */
export function blocksOf(markdown: string): Block[] {
  const source = markdown.replace(/^\uFEFF/, '').replaceAll(/\r\n?/g, '\n');
  const [head = ''] = FRONT_MATTER.exec(source) ?? [];
  const body = source
    .slice(head.length)
    .split('\n')
    .map((line) => line.replace(DEEP, ''))
    .join('\n');
  // Inline marks are read later and paragraph by paragraph: the parser takes quadratic time over a long one.
  const tokens = new Lexer().blockTokens(body);
  return [...fieldsOf(head), ...blocksIn(tokens, 1 + lineFeeds(head), [])];
}

/** `key: value`, and `- value` of a list under a key. Deeper keys are read by no rule. */
function fieldsOf(head: string): Block[] {
  let listKey = '';
  return head.split('\n').flatMap((source, index): Block[] => {
    const [, key = '', value = ''] = /^([\w-]+):\s*(.*?)\s*$/.exec(source) ?? [];
    const [, item] = /^\s*-\s+(.*?)\s*$/.exec(source) ?? [];
    if (key !== '') listKey = key;
    const text = unquoted(item ?? value);
    const named = key === '' && item !== undefined ? listKey : key;
    return named === '' || text === '' ? [] : [{ kind: 'field', line: index + 1, key: named, text }];
  });
}

function unquoted(value: string): string {
  return value.replace(/^(["'])(.*)\1$/, '$2').replace(/\s+#.*$/, '');
}

function blocksIn(tokens: readonly Token[], start: number, above: readonly string[]): Block[] {
  let line = start;
  return tokens.flatMap((token) => {
    const at = line;
    line += lineFeeds(token.raw);
    return blocksOfToken(token, at, above);
  });
}

function blocksOfToken(token: Token, line: number, above: readonly string[]): Block[] {
  switch (token.type) {
    case 'heading':
      return [{ kind: 'heading', line, level: token['depth'], text: plain(token['text']) }];
    case 'paragraph':
    case 'text':
      return [{ kind: 'paragraph', line, text: plain(token['text']), above }];
    case 'blockquote':
      return blocksIn(token.tokens ?? [], line, above);
    case 'list':
      return itemBlocks(token as Tokens.List, line, above);
    case 'table':
      return [tableBlock(token as Tokens.Table, line)];
    case 'html':
      return htmlBlocks(token.raw, line, above);
    default:
      return [];
  }
}

function itemBlocks({ items }: Tokens.List, start: number, above: readonly string[]): Block[] {
  let line = start;
  return items.flatMap((item) => {
    const at = line;
    line += lineFeeds(item.raw);
    const [first] = item.tokens;
    const own = first?.type === 'text' || first?.type === 'paragraph' ? plain(first['text']) : '';
    const blocks = blocksIn(item.tokens, at, [...above, own]);
    // Its own text does not stand above itself.
    return blocks.map((block, index) =>
      index === 0 && block.kind === 'paragraph' ? { ...block, above } : block,
    );
  });
}

function tableBlock({ header, rows }: Tokens.Table, line: number): Block {
  // A table's row is one line; the second is the rule under its head.
  return {
    kind: 'table',
    columns: header.map(({ text }) => plain(text)),
    rows: rows.map((row, index) => ({ line: line + 2 + index, cells: row.map(({ text }) => plain(text)) })),
  };
}

/** Tables in HTML are tables; of anything else the text counts. */
function htmlBlocks(source: string, line: number, above: readonly string[]): Block[] {
  const rows = [...source.matchAll(/<tr\b[^>]*>(.*?)(?=<\/tr|<tr\b|$)/gis)].map(
    ({ index, 1: inner = '' }) => ({
      line: line + lineFeeds(source.slice(0, index)),
      cells: [...inner.matchAll(/<t[dh]\b[^>]*>(.*?)(?=<\/t[dh]|<t[dh]\b|$)/gis)].map(([, cell = '']) =>
        plain(cell),
      ),
    }),
  );
  const [head, ...others] = rows;
  if (head !== undefined) return [{ kind: 'table', columns: head.cells, rows: others }];
  return [{ kind: 'paragraph', line, text: plain(source), above }];
}

/** A single `~` means about, and does not strike out. */
class CardTokenizer extends Tokenizer {
  override del(source: string, masked: string, before?: string): Tokens.Del | undefined {
    return source.startsWith('~~') ? super.del(source, masked, before) : undefined;
  }
}

/** Text without marks, pictures, footnotes and pictographs. */
function plain(markdown: string): string {
  const source = markdown.slice(0, LONGEST_TEXT).replaceAll(/<sup>[^<]{0,20}<\/sup>/gi, '');
  return inlineText(Lexer.lexInline(source, { ...getDefaults(), tokenizer: new CardTokenizer() }))
    .replaceAll(/&(?:#39|#x27|apos);/gi, "'")
    .replaceAll(/&(nbsp|lt|gt|quot|times|amp);/gi, (_, name: string) => ENTITIES[name.toLowerCase()] ?? ' ')
    .replaceAll(/\p{Extended_Pictographic}|\u{FE0F}/gu, '')
    .replaceAll(/[^\S\n\u2028]+/g, ' ')
    .replaceAll(/ ?([\n\u2028]) ?/g, '$1')
    .replaceAll(/^ |\s+$/g, '');
}

const ENTITIES: Readonly<Record<string, string>> = {
  nbsp: ' ',
  lt: '<',
  gt: '>',
  quot: '"',
  times: '×',
  amp: '&',
};

function inlineText(tokens: readonly Token[]): string {
  return tokens
    .map((token): string => {
      if (token.type === 'br') return `${HARD_BREAK}\n`;
      if (token.type === 'html') return /^<br\b/i.test(token.raw) ? HARD_BREAK : ' ';
      if (token.type === 'image' || token.type === 'del') return '';
      if ('tokens' in token && token.tokens !== undefined) return inlineText(token.tokens);
      return 'text' in token ? token.text : token.raw;
    })
    .join('');
}

function lineFeeds(text: string): number {
  return text.split('\n').length - 1;
}
