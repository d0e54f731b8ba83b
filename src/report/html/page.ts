import { otherTexts } from '../other-texts.ts';
import { modelsOf, type Report } from '../report.ts';
import { printable } from '../text-width.ts';
import { accuracySection } from './accuracy-sections.ts';
import { benchSection } from './bench-section.ts';
import { costSection, memorySection, tradeOffSection } from './cost-sections.ts';
import { historySection } from './history-section.ts';
import { html } from './markup.ts';
import { changesSection, methodSection, verdictPart } from './overview.ts';
import { type Section, wholePage } from './page-frame.ts';
import { phoneSection } from './phone-section.ts';
import { repliesSection } from './replies-section.ts';
import { sustainedSection } from './sustained-section.ts';
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
    historySection(report),
    ...(report.machines.length === 0 ? [] : comparisonSections(report)),
    benchSection(report),
    sustainedSection(report),
    phoneSection(report),
    ...otherTexts(report).map(
      ({ title, text }, index): Section => ({
        id: `other-${index}`,
        title,
        content: html`<pre>${printable(text)}</pre>`,
      }),
    ),
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
  return wholePage({
    name,
    title,
    version,
    about: about.join(' · '),
    verdict: verdictPart(report),
    sections,
  });
}

function comparisonSections(report: Report): (Section | null)[] {
  return [
    tradeOffSection(report),
    costSection(report),
    memorySection(report),
    accuracySection(report),
    repliesSection(report),
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
