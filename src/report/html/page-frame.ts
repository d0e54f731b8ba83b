import { packageText } from '../../util/package-files.ts';
import { html, type Markup, raw } from './markup.ts';

export interface Section {
  readonly id: string;
  readonly title: string;
  readonly content: Markup;
}

export interface PageParts {
  /** What the page is about. */
  readonly name: string;
  /** What kind of page it is. */
  readonly title: string;
  /** With a space before it; empty where it is not known. */
  readonly version: string;
  readonly about: string;
  /** What stands above all sections. */
  readonly verdict: Markup;
  readonly sections: readonly Section[];
}

/**
 * One HTML file that needs nothing else: style, script and drawings are in it, and its content security policy lets it
 * load nothing and run no script but its own.
 */
export async function wholePage({
  name,
  title,
  version,
  about,
  verdict,
  sections,
}: PageParts): Promise<string> {
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
<h1>${name}</h1><p class="about">${about}</p></header>
<main id="main">${verdict}
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

/** A script's hash as a content security policy names it. */
async function hashOf(script: string): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(script));
  return `'sha256-${btoa(String.fromCharCode(...new Uint8Array(digest)))}'`;
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
