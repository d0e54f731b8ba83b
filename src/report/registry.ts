import type { Results } from '../schema/results.ts';
import { renderComparison, type TableOptions } from './comparison.ts';
import { renderCsv } from './csv.ts';
import { renderJson } from './json.ts';
import { renderMarkdown } from './markdown.ts';
import { type Report, reportOf } from './report.ts';

/** Each takes of the options what it understands. */
type Renderer = (results: Results, options: TableOptions) => string;

const renderers = {
  table: renderComparison,
  json: renderJson,
  markdown: (results) => renderMarkdown(reportOf(results)),
  csv: (results) => renderCsv(reportOf(results)),
} as const satisfies Record<string, Renderer>;

export type RendererName = keyof typeof renderers;

/** The forms that results can be rendered in. */
export const RENDERER_NAMES: readonly RendererName[] = ['table', 'json', 'markdown', 'csv'];

/**
 * Renders results as text, without a newline at its end.
 * @param name one of `RENDERER_NAMES`
 */
export function render(name: RendererName, results: Results, options: TableOptions = {}): string {
  const renderer: Renderer = renderers[name];
  return renderer(results, options);
}

/** Renders a report as one HTML file. What draws its charts is loaded only here. */
export async function renderHtml(report: Report): Promise<string> {
  const { renderPage } = await import('./html/page.ts');
  return renderPage(report);
}
