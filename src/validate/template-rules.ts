import { getArray } from '../gguf/index.ts';
import { betweenTurns } from './chat-turns.ts';
import type { FileUnderTest } from './file-under-test.ts';
import { atKey, type Finding, quoted, wrongType } from './finding.ts';
import type { Checks } from './rule.ts';
import { blockFault } from './template-blocks.ts';
import type { TemplateReport } from './template-report.ts';
import { specialTokensOf } from './vocabulary-checks.ts';

/** `tokenizer.chat_template`, and `tokenizer.chat_template.tool_use` and its like. */
const TEMPLATE_KEY = /^tokenizer\.chat_template(?:\.[^.]+)?$/;
/** The list of names beside the templates. */
const NAMES_KEY = 'tokenizer.chat_templates';

/** The group template: the chat template is a program from the file, run for every message. */
export const TEMPLATE_RULES: Checks = {
  *'template/type'(file) {
    if (file.header === null) return;
    for (const key of templateKeys(file)) {
      const value = file.header.metadata.get(key);
      if (value !== undefined && value.type !== 'string') {
        yield wrongType(file, key, value, 'string');
      }
    }
  },
  *'template/parse'(file) {
    for (const [key, { parseError, text }] of file.templates) {
      if (parseError === null) continue;
      if (!isGoTemplate(text))
        yield atKey(file, key, `${key} does not parse: ${blockFault(text) ?? parseError}`);
      else
        yield {
          ...atKey(file, key, `${key} is a Go template of Ollama’s, not Jinja: no other engine reads it`),
          hint: NOT_GO,
        };
    }
  },
  *'template/endless'(file) {
    for (const [key, { ended }] of file.templates)
      if (ended !== null) yield atKey(file, key, `${key}: ${ended}`);
  },
  *'template/escape'(file) {
    for (const [key, { escapes }] of file.templates) {
      if (escapes.length > 0) yield atKey(file, key, `${key} reaches for ${escapes.map(quoted).join(', ')}`);
    }
  },
  *'template/hidden-condition'(file) {
    for (const [key, { hiddenConditions }] of file.templates) {
      for (const { trigger, added } of hiddenConditions) {
        yield atKey(file, key, `${key}: where a message has ${quoted(trigger)}, it adds ${quoted(added)}`);
      }
    }
  },
  *'template/url'(file) {
    for (const [key, { urls }] of file.templates) {
      if (urls.length > 0) yield atKey(file, key, `${key} holds ${urls.map(quoted).join(', ')}`);
    }
  },
  'template/marker': unknownMarkers,
};

const NOT_GO =
  'Put the Jinja template of the original model in its place: quantscope validate FILE --fix OUT --template TEMPLATE.';

/** Keys that hold a chat template, or ought to. */
export function templateKeys({ scan }: Pick<FileUnderTest, 'scan'>): string[] {
  return [...scan.metadata.keys()].filter((key) => TEMPLATE_KEY.test(key) && key !== NAMES_KEY);
}

function* unknownMarkers(file: FileUnderTest): Iterable<Finding> {
  const tokens = file.header === null ? undefined : getArray(file.header, 'tokenizer.ggml.tokens');
  if (tokens === undefined || tokens.elementType !== 'string' || file.templates.size === 0) return;
  const wanted = new Map([...file.templates].map(([key, report]) => [key, markersOf(report)]));
  const all = new Set([...wanted.values()].flat());
  if (all.size === 0) return;
  for (const token of tokens) {
    all.delete(String(token));
    if (all.size === 0) return;
  }
  for (const [key, markers] of wanted) {
    const unknown = markers.filter((marker) => all.has(marker));
    if (unknown.length === 0) continue;
    const finding = atKey(
      file,
      key,
      `${key} writes ${unknown.map(quoted).join(', ')}, not in the vocabulary`,
    );
    yield endsTurns(file, key) ? { ...finding, severity: 'note' } : finding;
  }
}

/**
 * Whether a token ends a turn: then markers that are plain text are so by design, as [INST] of Llama 2 and <|user|> of
 * Zephyr, whose replies end with EOS.
 */
function endsTurns(file: FileUnderTest, key: string): boolean {
  const report = file.templates.get(key);
  const between = report === undefined ? undefined : betweenTurns(report);
  return specialTokensOf(file)?.endOfGeneration.some(({ text }) => between?.includes(text)) === true;
}

/** `{{ .System }}`, `{{ if .Prompt }}`, `{{- range .Messages }}` and `{{ end }}`: text/template of Go. */
function isGoTemplate(text: string): boolean {
  return /\{\{-?\s*(?:if|range|with|else if)?\s*\(?\s*(?:and |or |eq |not )?[.$]/.test(text);
}

/** Whole markers in literal text; one put together from pieces (`'<|' + role + '|>'`) cannot be known. */
function markersOf({ text }: TemplateReport): string[] {
  const found = text.match(/<\|[a-z][a-z0-9_]*\|>|<(?:start|end)_of_turn>|\[\/?INST\]/gi) ?? [];
  return [...new Set(found)].slice(0, 50);
}
