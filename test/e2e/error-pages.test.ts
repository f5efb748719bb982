// Error pages: which local replies they are for, which of several a client gets, and what stays as it is without them.

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { start as startAnswers } from '../origins/answers.js';
import type { RawOrigin } from '../origins/raw.js';
import { freePlace, scratchDirectory, written } from '../support/addresses.js';
import { fieldValue, fieldValues, type Message, statusOf } from '../support/messages.js';
import { type ProxySpec, type RunningProxy, standIn, startProxy, use, useProxy } from '../support/proxy.js';
import { ask, get, WireClient } from '../support/wire-client.js';

const skip = standIn ? 'nginx stands in, and has other pages' : false;

describe('error pages', { concurrency: 1, skip }, () => {
  let origin: RawOrigin;
  let proxy: RunningProxy;
  const file = join(scratchDirectory(), 'sorry.html');
  const PAGE = '<h1>sorry \u2014 later</h1>';

  const spec = (): ProxySpec => {
    const at = (value: string, rest: object): object => ({ matches: [{ path: { value } }], ...rest });
    const direct = { type: 'DirectResponse', directResponse: { status: 503, body: 'as the rule says' } };
    const change = { set: [{ name: 'Access-Control-Allow-Origin', value: '*' }] };
    const cors = { type: 'ResponseHeaderModifier', responseHeaderModifier: change };
    return {
      routes: [
        {
          rules: [
            at('/down', { pool: 'down' }),
            at('/cors', { pool: 'down', filters: [cors] }),
            at('/own', {
              pool: 'down',
              errorPages: [{ statuses: [502], body: 'own page', contentType: 'text/plain' }],
            }),
            at('/direct', { filters: [direct] }),
            at('/up', { pool: 'up', limits: { bodyBytesMax: 3 } }),
          ],
        },
      ],
      pools: { down: { servers: [{ address: written(freePlace()) }] }, up: { servers: [{ address: origin.address }] } },
      errorPages: [
        { statuses: ['500-599'], file },
        { statuses: ['500-599'], body: '{"error":true}', contentType: 'application/json' },
        { statuses: [400, 404, 405, 413], body: 'not so', contentType: 'text/plain; charset=utf-8' },
      ],
    };
  };

  before(async () => {
    writeFileSync(file, PAGE);
    origin = await startAnswers('HTTP/1.1 500 Oops\r\nContent-Length: 4\r\n\r\noops');
    proxy = await startProxy(spec());
  });
  after(async () => {
    await proxy.heldNothing();
    await proxy.stop();
    await origin.close();
  });

  /** Status, type and body of an answer. */
  const seen = (message: Message): unknown[] => [
    statusOf(message),
    fieldValue(message, 'content-type'),
    Buffer.from(message.body, 'latin1').toString('utf8'),
  ];
  const HTML = 'text/html; charset=utf-8';

  test('a page from a file takes the place of the text, with the same status and the fields that belong to it', async () => {
    const answer = await ask(proxy.place, get('/down'));
    assert.deepEqual(seen(answer), [502, HTML, PAGE]);
    assert.equal(fieldValue(answer, 'content-length'), String(Buffer.byteLength(PAGE)));
    assert.ok(fieldValue(answer, 'x-request-id') && fieldValue(answer, 'date'));
  });

  test('of several pages a client gets the one its Accept likes best, else the first', async () => {
    const wanted = async (...lines: string[]): Promise<unknown> =>
      fieldValue(await ask(proxy.place, get('/down', ...lines)), 'content-type');
    assert.equal(await wanted('Accept: application/json'), 'application/json');
    assert.equal(await wanted('Accept: text/html;q=0.5, application/*;q=0.9'), 'application/json');
    assert.equal(await wanted('Accept: text/html, */*;q=0.1'), HTML);
    assert.equal(await wanted('Accept: image/png'), HTML);
    assert.equal(await wanted(), HTML);
  });

  test('a page of the rule goes before those of all', async () => {
    assert.deepEqual(seen(await ask(proxy.place, get('/own'))), [502, 'text/plain', 'own page']);
  });

  test('requests that no rule sees have pages too', async () => {
    const type = 'text/plain; charset=utf-8';
    assert.deepEqual(seen(await ask(proxy.place, get('/nowhere'))), [404, type, 'not so']);
    assert.deepEqual(seen(await ask(proxy.place, 'GET /  HTTP/1.1\r\n\r\n')), [400, type, 'not so']);
    const refused = await ask(proxy.place, 'CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n');
    assert.equal(statusOf(refused), 405);
    assert.match(fieldValue(refused, 'allow') ?? '', /GET/);
  });

  test('a body that is too large gets its page', async () => {
    const post = 'POST /up HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello';
    assert.deepEqual(seen(await ask(proxy.place, post)), [413, 'text/plain; charset=utf-8', 'not so']);
  });

  test('a HEAD gets the head of its page and no body, and the connection stays in step', async () => {
    const client = await WireClient.connect(proxy.place);
    const head = await client.exchange('HEAD /down HTTP/1.1\r\nHost: a\r\n\r\n');
    assert.equal(fieldValue(head, 'content-length'), String(Buffer.byteLength(PAGE)));
    client.forget();
    assert.equal(statusOf(await client.exchange(get('/down'))), 502);
    client.close();
  });

  test('an error of a server and an answer that a rule gives itself are left alone', async () => {
    assert.equal((await ask(proxy.place, get('/up'))).body, 'oops');
    assert.equal((await ask(proxy.place, get('/direct'))).body, 'as the rule says');
  });

  test("a status without a page keeps its text, and a page has the rule's response headers", async () => {
    const client = await WireClient.connect(proxy.place);
    await client.send(`GET /${'x'.repeat(9000)} HTTP/1.1\r\nHost: a\r\n\r\n`);
    assert.match((await client.response()).body, /URI_TOO_LONG/);
    client.close();
    const answer = await ask(proxy.place, get('/cors'));
    assert.deepEqual(fieldValues(answer, 'access-control-allow-origin'), ['*']);
    assert.deepEqual(seen(answer), [502, HTML, PAGE]);
  });

  test('a reload reads the files again', async () => {
    writeFileSync(file, 'new page');
    await proxy.reload(spec());
    assert.equal((await ask(proxy.place, get('/down'))).body, 'new page');
  });
});

test('a page of 64 KiB goes out whole', { skip }, async (t) => {
  const origin = await use(t, startAnswers());
  const body = 'x'.repeat(65_536);
  const errorPages = [{ statuses: [404], body, contentType: 'text/plain' }];
  const proxy = await useProxy(t, {
    routes: [{ rules: [{ matches: [{ path: { value: '/there' } }], pool: 'main' }] }],
    pools: { main: { servers: [{ address: origin.address }] } },
    errorPages,
  });
  const client = await WireClient.connect(proxy.place);
  await client.send(get('/1') + get('/2'));
  const answers = await client.responses(['GET', 'GET']);
  assert.deepEqual(
    answers.map((answer) => answer.body.length),
    [65_536, 65_536],
  );
  client.close();
  await proxy.heldNothing();
});
