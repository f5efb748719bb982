// The dashboard in a browser: what it shows is what runs, and its controls change it.

import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { type Browser, chromium, type Page } from 'playwright-core';
import { start as startAnswers } from '../origins/answers.js';
import type { RawOrigin } from '../origins/raw.js';
import { freePlace, type Place, written } from '../support/addresses.js';
import { askHttp } from '../support/metrics.js';
import { type RunningProxy, standIn, startProxy } from '../support/proxy.js';
import { ask, get } from '../support/wire-client.js';

const EXECUTABLE = process.env.CHROMIUM ?? '/usr/bin/chromium';
const skip = standIn
  ? 'only the product'
  : existsSync(EXECUTABLE)
    ? false
    : `no browser at ${EXECUTABLE} (Debian: apt install chromium, or set CHROMIUM)`;

const TOKEN = 'a-token-of-some-length';
/** As a server may be called in a configuration. */
const MARKUP = '<img src=x onerror=alert(1)>';
const MANY = 1000;

/** That of the page, as far as functions that run there use it. */
declare const document: {
  querySelector(selector: string): { readonly textContent: string | null } | null;
  querySelectorAll(selector: string): { readonly length: number };
};

/** Controls that say nothing to those who do not see them. In the page. */
const UNNAMED = `[...document.querySelectorAll('button, input, select')]
  .filter((one) => (one.labels?.length ?? 0) === 0 && !one.getAttribute('aria-label') && one.textContent.trim() === '')
  .map((one) => one.outerHTML)`;

/** Colours of text whose contrast to the ground is less than WCAG 2.2 asks for (AA, 4.5). In the page. */
const PALE = `(theme) => {
  document.documentElement.dataset.theme = theme;
  const style = getComputedStyle(document.documentElement);
  const light = (key) => {
    const hex = style.getPropertyValue(key).trim().replace(/^#(.)(.)(.)$/, '#$1$1$2$2$3$3');
    const [r, g, b] = [1, 3, 5].map((at) => {
      const part = Number.parseInt(hex.slice(at, at + 2), 16) / 255;
      return part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  return ['--ink', '--dim', '--accent', '--good', '--warn', '--bad'].filter((key) => {
    const [high, low] = [light(key), light('--card')].sort((a, b) => b - a);
    return (high + 0.05) / (low + 0.05) < 4.5;
  });
}`;

describe('dashboard', { skip, concurrency: 1 }, () => {
  let browser: Browser;
  let origin: RawOrigin;
  let proxy: RunningProxy;
  let place: Place;
  let page: Page;
  const wrong: string[] = [];

  before(async () => {
    origin = await startAnswers();
    place = freePlace();
    const idle = Array.from({ length: MANY }, (_, i) => ({
      address: `127.9.${i >> 8}.${i & 255}:9`,
      name: `idle-${i}`,
    }));
    proxy = await startProxy({
      listeners: [{ name: 'web' }],
      routes: [{ name: 'shop', rules: [{ pool: 'api' }, { matches: [{ path: { value: '/big' } }], pool: 'big' }] }],
      pools: {
        api: {
          servers: [
            { address: origin.address, name: 'one' },
            { address: '127.8.0.1:9', name: MARKUP, weight: 0 },
          ],
        },
        big: { servers: idle },
      },
      admin: { address: written(place), token: TOKEN },
    });
    browser = await chromium.launch({ executablePath: EXECUTABLE, args: ['--no-sandbox', '--disable-gpu'] });
    page = await browser.newPage({ viewport: { width: 1400, height: 1200 } });
    page.setDefaultTimeout(15_000);
    page.on('console', (message) => {
      if (message.type() === 'error' || message.type() === 'warning') wrong.push(message.text());
    });
    page.on('pageerror', (error) => wrong.push(error.message));
    page.on('request', (request) => {
      if (!request.url().startsWith(`http://${written(place)}/`) && !request.url().startsWith('data:'))
        wrong.push(request.url());
    });
    await page.goto(`http://${written(place)}/#token=${TOKEN}`);
  });

  after(async () => {
    await browser?.close();
    await proxy?.stop();
    await origin?.close();
  });

  const server = (name: string) =>
    page.locator('#table tbody tr').filter({ has: page.getByRole('rowheader', { name, exact: true }) });
  const state = async (): Promise<{ weight: number; state: string }> => {
    const headers = { Authorization: `Bearer ${TOKEN}` };
    const { text } = await askHttp({ host: place.host, port: place.port }, '/pools/api/servers/one', { headers });
    return JSON.parse(text);
  };

  test('shows what runs: rates, where requests go, servers by state', async () => {
    let asking = true;
    const asked = (async () => {
      while (asking) await ask(proxy.place, get('/x'));
    })();
    await page.waitForFunction(() => /^[1-9]/.test(document.querySelector('#tiles b')?.textContent ?? ''));
    await page.waitForFunction(() => document.querySelector('#flow')?.textContent?.includes('shop'));
    asking = false;
    await asked;
    assert.match((await page.textContent('#flow'))!, /web.*shop.*api/s);
    assert.equal(await page.textContent('#state'), 'ready');
    assert.equal(new URL(page.url()).hash, '', 'the token stays in no address');
    assert.match((await page.textContent('#events'))!, /service\.ready/);
    assert.equal(await page.locator('#multiples figure').count(), 2);
    assert.equal(await page.locator('.multiples figure[data-pool=api] canvas').isVisible(), true);
  });

  test('a thousand servers are found by name, and no name becomes markup', async () => {
    assert.match((await page.textContent('#count'))!, /^150 of 1002, 1002 found$/);
    await page.keyboard.press('/');
    await page.keyboard.type('idle-777');
    await page.waitForFunction(() => document.querySelectorAll('#table tbody tr').length === 1);
    assert.match((await page.textContent('#count'))!, /^1 of 1002$/);
    await page.fill('#find', 'api');
    await server(MARKUP).waitFor();
    assert.equal(await page.locator('img').count(), 0);
  });

  test('drains, weighs and returns a server', async () => {
    await server('one').getByRole('button', { name: 'Drain api/one' }).click();
    await server('one').getByText('DRAINING').waitFor();
    assert.equal((await state()).state, 'drain');
    assert.match((await server('one').textContent())!, /drain, until reload/);
    await server('one').getByRole('button', { name: 'Make ready api/one' }).click();
    await server('one').getByText('UP', { exact: true }).waitFor();
    const weight = server('one').getByLabel('Weight of api/one');
    await weight.fill('7');
    await weight.press('Tab');
    for (const deadline = Date.now() + 10_000; (await state()).weight !== 7; ) {
      assert.ok(Date.now() < deadline, 'the weight was not changed');
    }
    // What cannot be is said, and goes on.
    await page.check('#saved');
    await weight.fill('9');
    await weight.press('Tab');
    await page.getByRole('alert').getByText('admin.stateFile').waitFor();
    await page.uncheck('#saved');
    wrong.splice(0, wrong.length, ...wrong.filter((text) => !/status of 409/.test(text)));
  });

  test('explains a request, reloads, and is dark or light, by keys', async () => {
    await page.locator('h1').click();
    await page.keyboard.press('e');
    await page.keyboard.type('GET http://shop.example/big/x');
    await page.keyboard.press('Enter');
    await page.waitForFunction(() => document.querySelector('#answer')?.textContent?.includes('pool big'));
    await page.click('#reload');
    await page.locator('#events').getByText('reload.applied').first().waitFor();
    assert.equal((await state()).weight, 1);
    await page.locator('h1').click();
    const theme = () => page.evaluate('document.documentElement.dataset.theme');
    const was = await theme();
    await page.keyboard.press('d');
    assert.notEqual(await theme(), was);
    await page.keyboard.press('?');
    assert.equal(await page.locator('#keys').isVisible(), true);
    await page.keyboard.press('Escape');
    await page.keyboard.press('p');
    assert.equal(await page.textContent('#state'), 'paused');
  });

  test('without the token it asks for it, and shows nothing before', async () => {
    const context = await browser.newContext();
    const other = await context.newPage();
    await other.goto(`http://${written(place)}/`);
    await other.locator('#login').waitFor({ state: 'visible' });
    assert.equal(await other.locator('#table tbody tr').count(), 0);
    await other.fill('#token', TOKEN);
    await other.keyboard.press('Enter');
    await other.waitForFunction(() => document.querySelectorAll('#table tbody tr').length > 0);
    await context.close();
  });

  test('no control is without a name, no text too pale, and nothing was wrong on the way', async () => {
    assert.deepEqual(await page.evaluate(UNNAMED), []);
    for (const theme of ['light', 'dark']) assert.deepEqual(await page.evaluate(`(${PALE})('${theme}')`), [], theme);
    assert.deepEqual(wrong, []);
  });
});
