import type { GateReport } from '../schema/gates.ts';
import { renderGateGithub } from './gate-github.ts';
import { renderGateJunit } from './gate-junit.ts';
import { renderGateSarif } from './gate-sarif.ts';
import { renderGateText } from './gate-text.ts';
import type { Style } from './style.ts';
import type { SarifOptions } from './validation-sarif.ts';

export type GateRenderOptions = SarifOptions & { readonly style?: Style };

type Renderer = (report: GateReport, options: GateRenderOptions) => string;

const renderers = {
  text: (report, { style }) => renderGateText(report, style),
  json: (report) => JSON.stringify(report, null, 2),
  junit: renderGateJunit,
  sarif: renderGateSarif,
  github: renderGateGithub,
} as const satisfies Record<string, Renderer>;

export type GateFormat = keyof typeof renderers;

/** Renders what the gates found as text, without a newline at its end. */
export function renderGates(format: GateFormat, report: GateReport, options: GateRenderOptions = {}): string {
  const renderer: Renderer = renderers[format];
  return renderer(report, options);
}
