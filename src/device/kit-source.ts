import type { FitVerdict } from '../schema/terms.ts';
import { gigabytes } from '../util/units.ts';
import type { KitParameter, KitPlan } from './kit-parameters.ts';

const MARKED = /^\/\/ <parameters>\n[\s\S]*?^\/\/ <\/parameters>\n/m;

export interface KitTitle {
  readonly model: string;
  readonly device: string | null;
  /** What the chat template does not take, a line each. */
  readonly chat: readonly string[];
  /** Which quantizations the backend runs fast; null without a phone. */
  readonly types: string | null;
}

/**
 * The source for the app: the template with the chosen parameters between its marks, each with its reason.
 * @param template templates/kit/llama-rn.ts
 */
export function kitSource(template: string, { model, device, chat, types }: KitTitle, plan: KitPlan): string {
  if (!MARKED.test(template)) throw new Error('the template of the kit has no marked parameters');
  const lines = [
    '/**',
    ` * For ${comment(model)} on ${device === null ? 'the CPU of any phone' : `${comment(device)} (${plan.backend})`}.`,
    ...[...expectations(plan), ...(types === null ? [] : [`Types ${types}.`]), ...chatNotes(chat)].map(
      (line) => ` * ${comment(line)}`,
    ),
    ' */',
    "export const contextParams: Omit<ContextParams, 'model'> = {",
    ...plan.parameters.flatMap(parameterLines),
    '};',
  ];
  // A function, so that no $ of a name is taken for a group.
  return template.replace(MARKED, () => `${lines.join('\n')}\n`);
}

/** What to count with, where the parameters are: memory that is short is why an app is ended. */
function expectations({ memory, fit, speed }: KitPlan): string[] {
  const [sum = '', ...reasons] = fit?.reasons ?? [];
  const verdict =
    fit === null ? [] : [`${VERDICTS[fit.verdict]}: ${sum}.`, ...reasons.map((reason) => `- ${reason}`)];
  return [
    `Memory: ${gigabytes(memory.totalBytes)}, estimated.`,
    ...verdict,
    ...('reason' in speed
      ? []
      : [
          `Speed: ${speed.low.toFixed(1)} to ${speed.high.toFixed(1)} tokens/s, ${speed.basis}. A warm phone is slower.`,
        ]),
  ];
}

/** What an app must not send, since the template in the file does not take it. */
function chatNotes(chat: readonly string[]): string[] {
  return chat.length === 0 ? [] : ['Chat template:', ...chat.map((line) => `- ${line}`)];
}

const VERDICTS = {
  fits: 'It fits',
  tight: 'It is tight',
  no: 'It does not fit',
  unknown: 'Whether it fits is not known',
} as const satisfies Record<FitVerdict, string>;

function parameterLines({ name, value, reason }: KitParameter): string[] {
  return [`  // ${comment(reason)}`, `  ${name}: ${literal(value)},`];
}

function literal(value: KitParameter['value']): string {
  if (typeof value === 'string') return `'${value}'`;
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  return `[${value.map((each) => `'${each}'`).join(', ')}]`;
}

/** Names come from files: none of them may end a comment or begin a line. */
function comment(text: string): string {
  return text.replaceAll(/[\p{Cc}\u2028\u2029]+/gu, ' ').replaceAll('*/', '* /');
}
