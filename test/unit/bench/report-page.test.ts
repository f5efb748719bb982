// The page in a real browser: it draws, asks for nothing, runs no script, and follows the reader's light or dark.
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { type Browser, chromium, type Page } from 'playwright-core';
import { htmlReport } from '../../../bench/report/html.js';
import { sampleResult } from './sample-result.js';

const EXECUTABLE = process.env.CHROMIUM ?? '/usr/bin/chromium';
const skip = existsSync(EXECUTABLE)
  ? false
  : `no browser at ${EXECUTABLE} (Debian: apt install chromium, or set CHROMIUM)`;

const directory = mkdtempSync(join(tmpdir(), 'sevenfold-report-'));
let browser: Browser | undefined;
before(async () => {
  if (skip !== false) return;
  writeFileSync(join(directory, 'report.html'), await htmlReport(sampleResult()));
  browser = await chromium.launch({ executablePath: EXECUTABLE, args: ['--no-sandbox', '--disable-gpu'] });
});
after(async () => {
  await browser?.close();
  rmSync(directory, { recursive: true, force: true });
});

async function open(colorScheme: 'light' | 'dark', width = 1000): Promise<{ page: Page; requests: string[] }> {
  assert(browser !== undefined);
  const page = await browser.newPage({ colorScheme, viewport: { width, height: 800 } });
  const requests: string[] = [];
  page.on('request', (request) => requests.push(request.url()));
  page.on('console', (message) => requests.push(`console: ${message.text()}`));
  await page.goto(pathToFileURL(join(directory, 'report.html')).href);
  return { page, requests };
}

test('draws every plot without a request or a script', { skip }, async () => {
  const { page, requests } = await open('light');
  assert.equal(requests.length, 1, `only the page itself: ${requests.join(' ')}`);
  assert.equal(await page.locator('script').count(), 0);
  const titles = await page.locator('figure h2').allTextContents();
  assert.deepEqual(titles, [
    'CPU time per request',
    'Requests per second',
    'The price of reading the request',
    'Latency by percentile at 12000 requests/s',
    'Scaling by workers',
  ]);
  for (const figure of await page.locator('figure').all()) {
    const box = await figure.locator('svg').boundingBox();
    assert(box !== null && box.width > 600 && box.height > 80, `a plot is ${box?.width} × ${box?.height}`);
    assert((await figure.locator('svg path').count()) > 3);
  }
  await page.close();
});

test('answers the question in its first lines, with the spread', { skip }, async () => {
  const { page } = await open('light');
  const lead = (await page.locator('.lead').textContent()) ?? '';
  assert.match(lead, /^1\.16\s*× \(1\.16\.\.1\.16\) sevenfold-l7 over sevenfold-l4/);
  await page.close();
});

test('changes its colours with the reader’s setting, plots included, and stays readable', { skip }, async () => {
  const seen: string[] = [];
  for (const scheme of ['light', 'dark'] as const) {
    const { page } = await open(scheme);
    // As text, because it runs in the page, where this file's types and helpers are not.
    const [back, text, bar] = await page.evaluate<string[]>(`[
      getComputedStyle(document.body).backgroundColor,
      getComputedStyle(document.querySelector('figure svg text')).fill,
      getComputedStyle(document.querySelector('figure svg path[fill="var(--sevenfold)"]')).fill,
    ]`);
    assert(contrast(back!, text!) > 7, `${scheme}: text ${text} on ${back}`);
    assert(contrast(back!, bar!) > 3, `${scheme}: bar ${bar} on ${back}`);
    seen.push(`${back} ${text} ${bar}`);
    await page.close();
  }
  assert.notEqual(seen[0], seen[1]);
});

test('does not scroll sideways on a narrow screen', { skip }, async () => {
  const { page } = await open('light', 400);
  const [content, window] = await page.evaluate<number[]>('[document.documentElement.scrollWidth, innerWidth]');
  assert(content! <= window!, `${content} px wide in ${window} px`);
  await page.close();
});

test('shows names from the outside as text, never as markup', { skip }, async () => {
  const { page } = await open('light');
  assert.match((await page.locator('footer').textContent()) ?? '', /Sample CPU <1>/);
  await page.close();
});

/** WCAG contrast of two `rgb(r, g, b)` colours. */
function contrast(a: string, b: string): number {
  const luminance = (colour: string): number => {
    const [red = 0, green = 0, blue = 0] = (colour.match(/\d+/g) ?? []).map((part) => {
      const share = Number(part) / 255;
      return share <= 0.03928 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const [dark = 0, light = 0] = [luminance(a), luminance(b)].sort((x, y) => x - y);
  return (light + 0.05) / (dark + 0.05);
}
