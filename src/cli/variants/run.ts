import { listCatalogue, listVariants } from '../../api/variants/variants.ts';
import { printable, wrap } from '../../report/text-width.ts';
import { renderVariants } from '../../report/variants.ts';
import type { CatalogueList } from '../../schema/hub.ts';
import { EXIT, type ExitCode } from '../exit.ts';
import { noticeUnless, printDocument } from '../output.ts';
import { terminalStyle } from '../style.ts';

export interface VariantsOptions {
  context: number;
  json?: boolean;
  quiet?: boolean;
}

export async function runVariants(
  name: string,
  { json, quiet, context }: VariantsOptions,
  signal: AbortSignal,
): Promise<ExitCode> {
  const report = await listVariants(name, { context, signal, notice: noticeUnless(quiet) });
  const { columns } = process.stdout;
  printDocument(report, json, () =>
    renderVariants(report, {
      style: terminalStyle(process.stdout),
      ...(columns ? { width: Math.max(60, columns) } : {}),
    }),
  );
  return report.variants.some(({ failure }) => failure !== null) ? EXIT.finding : EXIT.done;
}

export async function runCatalogue({ json }: VariantsOptions, signal: AbortSignal): Promise<ExitCode> {
  const list = await listCatalogue({ signal });
  printDocument(list, json, () => describe(list));
  return EXIT.done;
}

const MOST_COLUMNS = 100;
const LABEL_WIDTH = 14;

function describe({ models, file }: CatalogueList): string {
  const style = terminalStyle(process.stdout);
  const width = Math.max(60, Math.min(process.stdout.columns ?? MOST_COLUMNS, MOST_COLUMNS));
  const fact = (label: string, text: string): string[] =>
    wrap(printable(text), width - LABEL_WIDTH).map(
      (line, index) => `${(index === 0 ? `  ${label}` : '').padEnd(LABEL_WIDTH)}${line}`,
    );
  const lines = models.flatMap(({ name, title, repo, revision, quantizations, licence, prompt }) => [
    `${style.bold(printable(name))}  ${printable(title)}, ${printable(`hf:${repo}${revision === null ? '' : `@${revision}`}`)}`,
    ...fact('stands for', quantizations.length === 0 ? 'the one model there' : quantizations.join(', ')),
    ...fact('licence', licence),
    ...(prompt === null
      ? []
      : [...fact('prompt', JSON.stringify(prompt.template)), ...fact('', factsOf(prompt))]),
    '',
  ]);
  const source = file === null ? 'built in' : `built in, with ${printable(file)} laid over it`;
  lines.push(
    `${models.length} names, ${source}. What one offers: quantscope variants ${models[0]?.name ?? 'NAME'}`,
  );
  return lines.join('\n');
}

function factsOf({
  stop,
  systemRole,
  contextLength,
}: NonNullable<CatalogueList['models'][number]['prompt']>): string {
  const stops = stop === undefined || stop.length === 0 ? 'no stop text' : `stops at ${stop.join(' or ')}`;
  const system = systemRole ? 'has a system message' : 'has no system message';
  return `${stops}, ${system}, trained for ${contextLength.toLocaleString('en-US')} tokens`;
}
