import type { TemplateTokens } from '../../validate/template-report.ts';
import { type Render, renderConversations } from './template-render.ts';

/** Names by which templates get the date: the function that llama.cpp has, and variables that it or an app hands over. */
const CLOCK =
  /^(?:strftime_now|now|today|(?:current_?|todays?_?)?(?:date|time|datetime|day)(?:_?(?:string|str|now))?)$/i;

/** They differ in the year, the month, the day, the weekday and the time. */
const DAYS = [Date.UTC(2025, 0, 2, 3, 4), Date.UTC(2026, 10, 23, 15, 6)] as const;

/**
 * Names by which a template gets a date that it writes: the same conversations differ on two days. None where they do
 * not, whatever the template mentions.
 * @param identifiers of the template
 * @throws as {@link renderConversations}
 */
export function datesWritten(
  identifiers: Iterable<string>,
  render: Render,
  text: string,
  tokens: TemplateTokens,
): readonly string[] {
  const names = [...identifiers].filter((name) => CLOCK.test(name));
  if (names.length === 0) return [];
  const [one, other] = DAYS.map((day) =>
    onDay(day, () => {
      const date = new Date().toUTCString();
      // A function of the renderer's own; it reads this thread's clock.
      const variables = names.filter((name) => name !== 'strftime_now').map((name) => [name, date]);
      const dated: Render = (given) => render({ ...Object.fromEntries(variables), ...given });
      return renderConversations(dated, text, tokens);
    }),
  );
  // Where this renderer fails, the name is all that is known.
  const isRendered = one?.some(({ status }) => status === 'ok') === true;
  return isRendered && JSON.stringify(one) === JSON.stringify(other) ? [] : names;
}

/** Renderers take no clock as a parameter: what runs here meanwhile finds that day. */
function onDay<Result>(milliseconds: number, action: () => Result): Result {
  const { Date: own } = globalThis;
  globalThis.Date = new Proxy(own, { construct: () => new own(milliseconds) });
  try {
    return action();
  } finally {
    globalThis.Date = own;
  }
}
