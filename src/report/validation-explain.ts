import { RULES, type Rule } from '../validate/index.ts';
import { plainStyle, type Style } from './style.ts';
import { padRight, wrap } from './text-width.ts';

const WIDTH = 100;

/** The page of one rule, for `--explain RULE`. */
export function renderRule(id: string, rule: Rule, style: Style = plainStyle): string {
  const section = (title: string, text: string): string[] => [
    '',
    style.bold(title),
    ...wrap(text, WIDTH - 2).map((line) => `  ${line}`),
  ];
  return [
    `${style.accent(id)}  ${style.dim(rule.severity)}`,
    ...wrap(rule.reason, WIDTH),
    ...section('Why it matters', rule.why),
    ...section('Who checks it', rule.checkedBy),
    ...section('What to do', rule.fix),
  ].join('\n');
}

/** All rules, a line each, for `--explain` without a name. */
export function renderRuleList(style: Style = plainStyle): string {
  const ids = Object.keys(RULES);
  const width = Math.max(...ids.map((id) => id.length)) + 2;
  return Object.entries(RULES)
    .map(
      ([id, { severity, reason }]) =>
        `${style.accent(padRight(id, width))}${style.dim(padRight(severity, 9))}${reason}`,
    )
    .join('\n');
}
