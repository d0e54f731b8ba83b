import type { TemplateConformance } from '../schema/validation.ts';
import { type ConformanceFault, conformanceFaults } from './conformance.ts';
import { CONVERSATIONS } from './conversations.ts';
import { RULES } from './rules.ts';
import type { TemplateReport } from './template-report.ts';

/** What a template makes of each conversation that apps have, and what is to be said of it. */
export function conformanceOf(key: string, report: TemplateReport): TemplateConformance {
  const faults = conformanceFaults(report);
  return {
    key,
    renderer: report.renderer,
    conversations: CONVERSATIONS.flatMap(({ id, title }) => {
      const rendered = report.conversations.find((each) => each.id === id);
      if (rendered === undefined) return [];
      const own = faults.filter((fault) => fault.id === id);
      const asText = rendered.status === 'ok' && rendered.asText === true ? [AS_TEXT] : [];
      // Of a conversation that is not a plain one the fault of the plain ones alone is said.
      const reason = rendered.status !== 'ok' && own.length === 0 ? [rendered.reason] : [];
      const remarks = [...own.map(({ message }) => message), ...asText, ...reason];
      const isWarned = own.some((fault) => levelOf(fault) !== 'note');
      const level = isWarned ? 'warning' : remarks.length > 0 ? 'note' : 'ok';
      return [
        { id, title, level, remarks, prompt: rendered.status === 'ok' ? rendered.text : null } as const,
      ];
    }),
  };
}

const AS_TEXT = 'handed on as plain text, as llama.cpp does where a template knows no parts';

/** What is to be said of a template in words, a line for each conversation that is not as it should be. */
export function conformanceRemarks(report: TemplateReport): string[] {
  return conformanceFaults(report).map(({ id, message }) => {
    const title = CONVERSATIONS.find((each) => each.id === id)?.title ?? id;
    return `${title}: ${message}`;
  });
}

function levelOf({ rule, severity }: ConformanceFault): string | undefined {
  return severity ?? RULES[rule]?.severity;
}
