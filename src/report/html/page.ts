import { describeModels } from '../provenance.ts';
import { combined, type Report } from '../report.ts';
import { printable } from '../text-width.ts';
import { accuracySection } from './accuracy-sections.ts';
import { costSection, memorySection, tradeOffSection } from './cost-sections.ts';
import { kitSection } from './kit-section.ts';
import { html, raw } from './markup.ts';
import { changesSection, methodSection, verdictPart } from './overview.ts';
import { phoneSection } from './phone-section.ts';
import { EARLY_SCRIPT, SCRIPT } from './script.ts';
import { STYLE } from './style.ts';
import { weightsSection } from './weight-sections.ts';

/**
 * The report as one HTML file that needs nothing else: style, script and drawings are in it, and its content security
 * policy lets it load nothing and run no script but its own. Every chart has its figures in a table.
 */
export async function renderPage(report: Report): Promise<string> {
  const results = combined(report);
  const models = printable(describeModels(results)) || 'Quantizations compared';
  const [, name = models, facts = ''] = /^([^;]*?) \((.*)\)$/.exec(models) ?? [];
  const sections = [
    changesSection(report),
    tradeOffSection(report),
    costSection(report),
    memorySection(report),
    accuracySection(report),
    weightsSection(report),
    phoneSection(report),
    kitSection(report),
    methodSection(report),
  ].filter((section) => section !== null);
  const { tool, createdAt } = results;
  const machines = report.machines.map(({ label }) => printable(label));
  const about = [
    facts,
    machines.length > 2 ? `${machines.length} machines` : machines.join(' and '),
    createdAt.slice(0, 10),
  ].filter((text) => text !== '');
  const hashes = await Promise.all([EARLY_SCRIPT, SCRIPT].map(hashOf));
  const policy = `default-src 'none'; style-src 'unsafe-inline'; img-src data:; script-src ${hashes.join(' ')}; base-uri 'none'; form-action 'none'`;
  const page = html`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>${name}: quantizations compared</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="${raw(policy)}"><meta name="generator" content="quantscope ${tool.version}">
<link rel="icon" href="data:,"><style>${raw(STYLE)}</style><script>${raw(EARLY_SCRIPT)}</script></head><body>
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
<footer><p>Written by quantscope ${tool.version}.</p></footer>
<div id="tip" role="status" hidden></div><script>${raw(SCRIPT)}</script></body></html>
`;
  return page.toString();
}

/** A script's hash as a content security policy names it. */
async function hashOf(script: string): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(script));
  return `'sha256-${btoa(String.fromCharCode(...new Uint8Array(digest)))}'`;
}
