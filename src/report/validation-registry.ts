import type { FileReport, ValidationReport } from '../schema/validation.ts';
import { renderValidationGithub } from './validation-github.ts';
import { renderValidationJunit } from './validation-junit.ts';
import { renderValidationSarif, type SarifOptions } from './validation-sarif.ts';
import { renderValidationText, type ValidationTextOptions } from './validation-text.ts';

/** What a caller may ask of any renderer; each takes what it understands. */
export type ValidationRenderOptions = ValidationTextOptions & SarifOptions;

type Renderer = (report: ValidationReport, options: ValidationRenderOptions) => string;

const renderers = {
  text: ({ files }, options) => renderValidationText(files, options),
  json: (report) => JSON.stringify(report, null, 2),
  ndjson: (report) => report.files.map((file) => renderFileNdjson(file, report.schema)).join('\n'),
  junit: ({ files }) => renderValidationJunit(files),
  sarif: ({ files }, options) => renderValidationSarif(files, options),
  github: ({ files }) => renderValidationGithub(files),
} as const satisfies Record<string, Renderer>;

export type ValidationFormat = keyof typeof renderers;

/** Renders a validation as text, without a newline at its end. */
export function renderValidation(
  format: ValidationFormat,
  report: ValidationReport,
  options: ValidationRenderOptions = {},
): string {
  const renderer: Renderer = renderers[format];
  return renderer(report, options);
}

/** One file on a line of its own: a whole report of one file. */
export function renderFileNdjson(file: FileReport, schema: ValidationReport['schema']): string {
  return JSON.stringify({ schema, files: [file] });
}
