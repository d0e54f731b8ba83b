import { getArray } from '../gguf/index.ts';
import { describeType } from './architecture-keys.ts';
import { atKey } from './at-key.ts';
import type { Finding } from './diagnostic.ts';
import type { FileUnderTest } from './file-under-test.ts';
import { quoted } from './quoted.ts';
import type { Rule, RuleTable } from './rule.ts';
import type { TemplateReport } from './template-report.ts';

const NOBODY = 'Nobody before it is rendered.';
const INSPECT =
  'Read it with `quantscope inspect --template`, and take the one of the original model’s repository.';
/** `tokenizer.chat_template`, and `tokenizer.chat_template.tool_use` and its like. */
const TEMPLATE_KEY = /^tokenizer\.chat_template(?:\.[^.]+)?$/;
/** The list of names beside the templates. */
const NAMES_KEY = 'tokenizer.chat_templates';

/** The group template: the chat template is a program from the file, run for every message. */
export const TEMPLATE_RULES: RuleTable = {
  'template/type': {
    severity: 'error',
    reason: 'A chat template is a string.',
    why: 'llama.cpp reads it as one without looking: what an array holds there is undefined.',
    checkedBy: 'Nobody: llama.cpp loads it and aborts when the template is asked for.',
    fix: INSPECT,
    *check(file) {
      if (file.header === null) return;
      for (const key of templateKeys(file)) {
        const value = file.header.metadata.get(key);
        if (value !== undefined && value.type !== 'string') {
          yield atKey(file, key, `${key} is of type ${describeType(value)}, expected string`);
        }
      }
    },
  },
  'template/parse': {
    severity: 'error',
    reason: 'A chat template parses as Jinja.',
    why: 'No prompt can be made with it: every chat fails.',
    checkedBy: 'llama.cpp’s common_chat_templates, when a chat begins; loading does not look.',
    fix: INSPECT,
    *check(file) {
      for (const [key, { parseError }] of file.templates) {
        if (parseError !== null) yield atKey(file, key, `${key} does not parse: ${parseError}`);
      }
    },
  },
  'template/render': {
    severity: 'warning',
    reason: 'A chat template renders a plain conversation of user and assistant.',
    why: 'Chats with this model fail, or the app must build its prompts itself.',
    checkedBy: NOBODY,
    fix: INSPECT,
    *check(file) {
      for (const [key, { rendering }] of file.templates) {
        if (rendering?.status === 'refused') {
          yield atKey(file, key, `${key} refuses a plain conversation: ${rendering.reason}`);
        } else if (rendering?.status === 'failed') {
          const message = `${key} does not render with the renderer used here: ${rendering.reason}`;
          yield { ...atKey(file, key, message), severity: 'note' };
        }
      }
    },
  },
  'template/endless': {
    severity: 'error',
    reason: 'A chat template renders in bounded time and memory.',
    why: 'A loop such as range(1000000000) takes the whole process down: one file stops a server.',
    checkedBy: NOBODY,
    fix: `Do not load this file in a process that matters. ${INSPECT}`,
    *check(file) {
      for (const [key, { rendering }] of file.templates) {
        if (rendering?.status === 'ended') yield atKey(file, key, `${key}: ${rendering.reason}`);
      }
    },
  },
  'template/drops-message': {
    severity: 'warning',
    reason: 'What a user says stands in the prompt.',
    why: 'A prompt without it answers something else than was asked.',
    checkedBy: NOBODY,
    fix: INSPECT,
    *check(file) {
      for (const [key, { rendering }] of file.templates) {
        if (rendering?.status === 'ok' && !rendering.keepsMessages) {
          yield atKey(file, key, `${key}: the user’s message is not in the prompt`);
        }
      }
    },
  },
  'template/escape': {
    severity: 'error',
    reason: 'A chat template asks for no attribute that leads out of its sandbox.',
    why: 'With jinja2 unsandboxed __class__ and __globals__ lead to running any command on the machine (CVE-2024-34359, CVE-2026-5760).',
    checkedBy:
      'Sandboxed renderers refuse it while rendering; llama-cpp-python before 0.2.72 and others ran it.',
    fix: `Do not load this file. ${INSPECT}`,
    *check(file) {
      for (const [key, { escapes }] of file.templates) {
        if (escapes.length > 0)
          yield atKey(file, key, `${key} reaches for ${escapes.map(quoted).join(', ')}`);
      }
    },
  },
  'template/hidden-condition': {
    severity: 'warning',
    reason: 'A chat template adds no instructions that depend on what a message says.',
    why: 'A poisoned template adds orders to the prompt for chosen words alone; tests without the words see nothing.',
    checkedBy: NOBODY,
    fix: INSPECT,
    *check(file) {
      for (const [key, { hiddenConditions }] of file.templates) {
        for (const { trigger, added } of hiddenConditions) {
          yield atKey(file, key, `${key}: where a message has ${quoted(trigger)}, it adds ${quoted(added)}`);
        }
      }
    },
  },
  'template/url': {
    severity: 'warning',
    reason: 'A chat template holds no URL.',
    why: 'Prompts have no use for one: a poisoned template makes the model repeat it to users.',
    checkedBy: NOBODY,
    fix: INSPECT,
    *check(file) {
      for (const [key, { urls }] of file.templates) {
        if (urls.length > 0) yield atKey(file, key, `${key} holds ${urls.map(quoted).join(', ')}`);
      }
    },
  },
  'template/marker': {
    severity: 'warning',
    reason: 'The markers that a chat template writes, such as <|user|>, are tokens of the vocabulary.',
    why: 'The model reads other markers letter by letter and was not trained with that: template and model do not belong together.',
    checkedBy: NOBODY,
    fix: INSPECT,
    check: unknownMarkers,
  },
} satisfies Record<string, Rule>;

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
    if (unknown.length > 0)
      yield atKey(file, key, `${key} writes ${unknown.map(quoted).join(', ')}, not in the vocabulary`);
  }
}

/** Whole markers in literal text; one put together from pieces (`'<|' + role + '|>'`) cannot be known. */
function markersOf({ text }: TemplateReport): string[] {
  const found = text.match(/<\|[a-z][a-z0-9_]*\|>|<(?:start|end)_of_turn>|\[\/?INST\]/gi) ?? [];
  return [...new Set(found)].slice(0, 50);
}
