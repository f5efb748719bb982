// What RFC 9110 and 9112 ask of whoever forwards: fields that are counted down, completed, or kept, and connections.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { start as startAnswers } from '../origins/answers.js';
import { ok, type RawOrigin } from '../origins/raw.js';
import { fieldValue, fieldValues } from '../support/messages.js';
import { type RunningProxy, startProxy } from '../support/proxy.js';
import { askThrough, get, type Passed } from '../support/wire-client.js';

describe('forwarding', { concurrency: 1 }, () => {
  let origin: RawOrigin;
  let proxy: RunningProxy;

  before(async () => {
    origin = await startAnswers((request, visit) => {
      const { startLine } = request;
      if (startLine.startsWith('HEAD')) visit.socket.write('HTTP/1.1 200 OK\r\nX-Head: yes\r\n\r\n');
      else if (startLine.includes('/upgrade-first'))
        visit.socket.write(
          'HTTP/1.1 426 Upgrade Required\r\nConnection: Upgrade\r\nUpgrade: TLS/1.2, HTTP/1.1\r\nContent-Length: 0\r\n\r\n',
        );
      else if (startLine.includes('/advertises'))
        visit.socket.write(ok('fine', 'Connection: Upgrade', 'Upgrade: h2,h2c'));
      else if (startLine.includes('/dated')) visit.socket.write(ok('fine', 'Date: Thu, 01 Jan 1970 00:00:00 GMT'));
      else visit.socket.write(ok('fine'));
    });
    proxy = await startProxy({
      routes: [
        {
          rules: [
            { pool: 'main' },
            {
              matches: [{ path: { value: '/undated' } }],
              pool: 'main',
              filters: [{ type: 'ResponseHeaderModifier', responseHeaderModifier: { remove: ['Date'] } }],
            },
          ],
        },
      ],
      pools: { main: { servers: [{ address: origin.address }] } },
      trustedProxies: ['127.0.0.0/8'],
    });
  });
  after(async () => {
    await proxy.stop();
    await origin.close();
  });

  const through = (request: string): Promise<Passed> => askThrough(origin, proxy.place, request);
  const head = (method: string, target: string, ...lines: string[]): string =>
    `${method} ${target} HTTP/1.1\r\nHost: test.example\r\n${lines.map((line) => `${line}\r\n`).join('')}\r\n`;

  test('426 keeps its Upgrade, which is all it says', async () => {
    const { response } = await through(get('/upgrade-first'));
    assert.equal(fieldValue(response, 'upgrade'), 'TLS/1.2, HTTP/1.1');
    assert.match(fieldValues(response, 'connection').join(), /Upgrade/);
    assert.equal(fieldValue((await through(get('/advertises'))).response, 'upgrade'), undefined);
  });

  test('a response without a Date gets one, and one with a Date keeps it', async () => {
    const { response } = await through(get('/'));
    const dates = fieldValues(response, 'date');
    assert.equal(dates.length, 1);
    assert.ok(Math.abs(Date.parse(dates[0]!) - Date.now()) < 60_000, dates[0]);
    assert.deepEqual(fieldValues((await through(get('/dated'))).response, 'date'), ['Thu, 01 Jan 1970 00:00:00 GMT']);
  });

  test('a rule that removes Date is obeyed', async () => {
    assert.deepEqual(fieldValues((await through(get('/undated'))).response, 'date'), []);
  });

  for (const method of ['OPTIONS', 'TRACE']) {
    test(`Max-Forwards of ${method} is counted down`, async () => {
      const { request } = await through(head(method, '/', 'Max-Forwards: 3', 'X-Other: 1'));
      assert.deepEqual(fieldValues(request!, 'max-forwards'), ['2']);
      assert.equal(fieldValue(request!, 'x-other'), '1');
      assert.deepEqual(fieldValues((await through(head(method, '/', 'Max-Forwards: 1'))).request!, 'max-forwards'), [
        '0',
      ]);
      const far = await through(head(method, '/', 'Max-Forwards: 99999999999999999999999'));
      assert.deepEqual(fieldValues(far.request!, 'max-forwards'), ['999999999']);
    });

    test(`Max-Forwards of ${method} that is no number, or said twice, is refused`, async () => {
      for (const lines of [['Max-Forwards: x'], ['Max-Forwards:'], ['Max-Forwards: 1', 'Max-Forwards: 2']]) {
        const { response, request } = await through(head(method, '/', ...lines));
        assert.match(response.startLine, / 400 /, lines.join());
        assert.equal(request, undefined);
      }
    });
  }

  test('Max-Forwards: 0 ends here: OPTIONS is told the methods, TRACE is not repeated', async () => {
    const options = await through(head('OPTIONS', '/', 'Max-Forwards: 0'));
    assert.match(options.response.startLine, / 200 /);
    assert.match(fieldValue(options.response, 'allow') ?? '', /GET, .*OPTIONS/);
    assert.equal(options.request, undefined);
    const trace = await through(head('TRACE', '/', 'Max-Forwards: 0', 'Cookie: secret=1'));
    assert.match(trace.response.startLine, / 405 /);
    assert.doesNotMatch(trace.response.body, /secret/);
    assert.equal(trace.request, undefined);
  });

  test('Max-Forwards of other methods passes as it is', async () => {
    assert.deepEqual(fieldValues((await through(get('/', 'Max-Forwards: 0'))).request!, 'max-forwards'), ['0']);
  });

  test('OPTIONS for a whole server in absolute form becomes *', async () => {
    const { request } = await through(head('OPTIONS', 'http://other.example:81'));
    assert.equal(request!.startLine, 'OPTIONS * HTTP/1.1');
    assert.deepEqual(fieldValues(request!, 'host'), ['other.example:81']);
    assert.equal((await through(head('OPTIONS', 'http://a/'))).request!.startLine, 'OPTIONS / HTTP/1.1');
    assert.equal((await through(head('OPTIONS', 'http://a?q'))).request!.startLine, 'OPTIONS /?q HTTP/1.1');
    assert.equal((await through(head('GET', 'http://a'))).request!.startLine, 'GET / HTTP/1.1');
  });

  test('empty elements of X-Forwarded-For do not pass', async () => {
    const listOf = async (...lines: string[]): Promise<string> =>
      fieldValues((await through(get('/', ...lines))).request!, 'x-forwarded-for').join('|');
    assert.equal(await listOf('X-Forwarded-For:'), '127.0.0.1');
    assert.equal(await listOf('X-Forwarded-For: ,'), '127.0.0.1');
    assert.equal(
      await listOf('X-Forwarded-For: 192.0.2.1,, 192.0.2.2,', 'X-Forwarded-For: ', 'X-Forwarded-For: 192.0.2.3'),
      '192.0.2.1, 192.0.2.2, 192.0.2.3, 127.0.0.1',
    );
  });

  test('the answer to a HEAD without a length keeps the connection to the server', async () => {
    const { response } = await through(head('HEAD', '/'));
    assert.equal(fieldValue(response, 'x-head'), 'yes');
    // It is set aside for a moment, in case the server sends a body all the same; then it is used again.
    const used = origin.visits.filter((visit) => !visit.closed);
    for (let i = 0; i < 20; i++) await through(get('/'));
    assert.deepEqual(
      used.map((visit) => visit.ended),
      used.map(() => false),
    );
  });
});
