import { existsSync } from 'node:fs';
import { type Browser, chromium } from 'playwright-core';

/** Where distributions put it; Debian's package is `chromium`. */
const PLACES = [
  process.env['CHROMIUM'],
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
];

/** The browser that pages are tested in, null where there is none: CI installs one. */
export const CHROMIUM: string | null =
  PLACES.find((path): path is string => path !== undefined && existsSync(path)) ?? null;

/** Root in a container has no namespace for the browser's own sandbox. */
export function openBrowser(): Promise<Browser> {
  if (CHROMIUM === null) throw new Error('no chromium here');
  return chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox'] });
}
