import { packageText } from '../../util/package-files.ts';
import { modelsOf, type Report } from '../report.ts';
import { printable } from '../text-width.ts';
import { accuracySection } from './accuracy-sections.ts';
import { benchSection } from './bench-section.ts';
import { costSection, memorySection, type Section, tradeOffSection } from './cost-sections.ts';
import { html, raw } from './markup.ts';
import { changesSection, methodSection, verdictPart } from './overview.ts';
import { phoneSection } from './phone-section.ts';
import { weightsSection } from './weight-sections.ts';

/**
 * The report as one HTML file that needs nothing else: style, script and drawings are in it, and its content security
 * policy lets it load nothing and run no script but its own. Every chart has its figures in a table.
 */
export async function renderPage(report: Report): Promise<string> {
  const models = printable(modelsOf(report));
  const [, name = models, facts = ''] = /^([^;]*?) \((.*)\)$/.exec(models) ?? [];
  const sections = [
    changesSection(report),
    ...(report.machines.length === 0 ? [] : comparisonSections(report)),
    benchSection(report),
    phoneSection(report),
    methodSection(report),
  ].filter((section) => section !== null);
  const { title, version, createdAt } = originOf(report);
  const machines = placesOf(report);
  const about = [
    facts,
    machines.length > 2
      ? `${machines.length} ${report.phones.length > 0 ? 'machines and phones' : 'machines'}`
      : machines.join(' and '),
    createdAt,
  ].filter((text) => text !== '');
  const [style, early, script] = [styleSheet(), pageFile('theme.js'), pageFile('page.js')];
  const hashes = await Promise.all([early, script].map(hashOf));
  const policy = `default-src 'none'; style-src 'unsafe-inline'; img-src data:; script-src ${hashes.join(' ')}; base-uri 'none'; form-action 'none'`;
  const page = html`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>${name}: ${title}</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="${raw(policy)}"><meta name="generator" content="quantscope${version}">
<link rel="icon" href="data:,"><style>${raw(style)}</style><script>${raw(early)}</script></head><body>
<a class="skip" href="#main">Skip to the report</a>
<header><div class="bar"><p class="brand">quantscope</p><nav aria-label="Sections"><ul>${sections.map(({ id, title }) => html`<li><a href="#${id}">${title}</a></li>`)}</ul></nav><button type="button" id="theme" aria-label="Dark theme" aria-pressed="false"><span aria-hidden="true">◐</span></button></div>
<h1>${name}</h1><p class="about">${about.join(' · ')}</p></header>
<main id="main">${verdictPart(report)}
${sections.map(
  ({
    id,
    title,
    content,
  }) => html`<section id="${id}" aria-labelledby="${id}-title"><h2 id="${id}-title">${title}</h2>${content}</section>
`,
)}</main>
<footer><p>Written by quantscope${version}.</p></footer>
<div id="tip" role="status" hidden></div><script>${raw(script)}</script></body></html>
`;
  return page.toString();
}

function pageFile(name: string): string {
  return packageText(`templates/page/${name}`);
}

/** The page's style and colors: those that were chosen, else those of the system; paper is always light. */
function styleSheet(): string {
  const [light, dark] = ['light.css', 'dark.css'].map(
    (name) => /\{([^}]*)\}/.exec(pageFile(name))?.[1] ?? '',
  );
  return `:root{${light}}
@media (prefers-color-scheme:dark){:root:not([data-theme=light]){${dark}}}
:root[data-theme=dark]{${dark}}
${pageFile('page.css')}@media print{:root,:root:not([data-theme=light]),:root[data-theme=dark]{${light}}}
`;
}

function comparisonSections(report: Report): (Section | null)[] {
  return [
    tradeOffSection(report),
    costSection(report),
    memorySection(report),
    accuracySection(report),
    weightsSection(report),
  ];
}

/** What kind of report it is, by which version and of which day: phones' checks say neither. */
function originOf({ machines, benches }: Report): { title: string; version: string; createdAt: string } {
  const title = machines.length > 0 ? 'quantizations compared' : benches.length > 0 ? 'speed' : 'on phones';
  const [first] = [...machines, ...benches];
  if (first === undefined) return { title, version: '', createdAt: '' };
  const { tool, createdAt } = first.results;
  return { title, version: ` ${tool.version}`, createdAt: createdAt.slice(0, 10) };
}

/** Every machine and phone that gave figures, once. */
function placesOf({ machines, benches, phones }: Report): string[] {
  return [...new Set([...machines, ...benches, ...phones].map(({ label }) => printable(label)))];
}

/** A script's hash as a content security policy names it. */
async function hashOf(script: string): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(script));
  return `'sha256-${btoa(String.fromCharCode(...new Uint8Array(digest)))}'`;
}
