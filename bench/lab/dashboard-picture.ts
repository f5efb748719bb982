// Makes the picture of the dashboard in the README: the demo under a little load, as a browser shows it.
// `make dashboard-picture`. Takes a minute; needs Chromium (CHROMIUM=path).

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';

const SECONDS = Number(process.argv[3] ?? 60);
const file = process.argv[2] ?? 'docs/dashboard.png';
const root = fileURLToPath(new URL('../../', import.meta.url));
const address = '127.0.0.1:18480';

const demo = spawn(
  process.execPath,
  ['dist/cli/main.js', 'demo', '--listen', address, '--admin', '127.0.0.1:18481', '--workers', '2'],
  { cwd: root, stdio: ['ignore', 'pipe', 'inherit'] },
);
let said = '';
demo.stdout.on('data', (piece) => {
  said += piece;
});
while (!/sevenfold ready$/m.test(said)) await once(demo.stdout, 'data');
const url = /http:\S+#token=\S+/.exec(said)![0];

let loading = true;
async function load(paths: readonly string[], pauseMs: number): Promise<void> {
  for (let i = 0; loading; i++) {
    const path = paths[i % paths.length]!;
    await fetch(`http://${address}${path}`).then(
      (response) => response.arrayBuffer(),
      () => undefined,
    );
    await setTimeout(Math.random() * pauseMs);
  }
}
const loads = [
  ...Array.from({ length: 6 }, () => load(['/api/orders', '/api/orders/17', '/images/cat.png'], 30)),
  load(['/nowhere'], 2000),
];

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu'],
});
const page = await browser.newPage({ viewport: { width: 1280, height: 860 }, colorScheme: 'light' });
await page.goto(url);
await setTimeout(SECONDS * 1000);
await page.screenshot({ path: file });
await browser.close();
loading = false;
await Promise.all(loads);
demo.kill();
console.log(`wrote ${file}`);
