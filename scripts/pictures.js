// Records docs/pictures (npm run pictures): the terminal after a real run of compare on the embedded family, as SVG,
// and the page that the same run writes, as PNG, light and dark. The page takes Chromium (CHROMIUM names it).
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { chromium } from 'playwright-core';
import { terminalPicture } from './terminal-picture.js';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const PICTURES = join(ROOT, 'docs/pictures');
/** On a machine that does nothing else: what it shows is what it measured. */
const ARGS = ['compare', '--quick'];
const BROWSERS = [process.env.CHROMIUM, '/usr/bin/chromium', '/usr/bin/google-chrome'];

const folder = await mkdtemp(join(tmpdir(), 'quantscope-pictures-'));
try {
  const page = join(folder, 'report.html');
  const printed = execFileSync(
    process.execPath,
    [join(ROOT, 'bin/quantscope.js'), ...ARGS, '--quiet', '--html', page],
    { cwd: folder, encoding: 'utf8', env: { ...process.env, FORCE_COLOR: '1', NO_COLOR: '' } },
  );
  const shown = printed.split('\n\nMeasured on')[0] ?? printed;
  await writeFile(join(PICTURES, 'compare.svg'), terminalPicture(`quantscope ${ARGS.join(' ')}`, shown));
  await photograph(page);
} finally {
  await rm(folder, { recursive: true, force: true });
}

async function photograph(page) {
  const executablePath = BROWSERS.find((path) => path !== undefined && existsSync(path));
  if (executablePath === undefined) throw new Error('no chromium here: CHROMIUM names where it is');
  // Root in a container has no namespace for the browser's own sandbox.
  const browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] });
  try {
    for (const colorScheme of ['light', 'dark']) {
      const tab = await browser.newPage({ viewport: { width: 1100, height: 1000 }, colorScheme });
      await tab.goto(pathToFileURL(page).href);
      await tab.screenshot({ path: join(PICTURES, `report-${colorScheme}.png`) });
    }
  } finally {
    await browser.close();
  }
}
