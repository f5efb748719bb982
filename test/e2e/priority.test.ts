// A rule that comes first: a denial wins against whatever is more specific.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { start as startAnswers } from '../origins/answers.js';
import { ok } from '../origins/raw.js';
import { statusOf } from '../support/messages.js';
import { standIn, use, useProxy } from '../support/proxy.js';
import { get, WireClient } from '../support/wire-client.js';

test('a denial of a higher priority wins over exact hosts and paths, on every one', { skip: standIn }, async (t) => {
  const origin = await use(
    t,
    startAnswers((request, visit) => void visit.socket.write(ok(request.startLine))),
  );
  const path = (type: string, value: string): object => ({ path: { type, value } });
  const rewrite = {
    type: 'URLRewrite',
    urlRewrite: { path: { type: 'ReplacePrefixMatch', replacePrefixMatch: '/new' } },
  };
  const proxy = await useProxy(t, {
    routes: [
      {
        hostnames: ['shop.example'],
        rules: [
          { matches: [path('Exact', '/api')], pool: 'main' },
          { matches: [path('PathPrefix', '/api/long')], filters: [rewrite], pool: 'main' },
        ],
      },
      {
        rules: [
          {
            priority: 10,
            matches: [{ clientAddress: '127.0.0.9' }],
            filters: [{ type: 'DirectResponse', directResponse: { status: 403 } }],
          },
          {
            priority: 2,
            matches: [{ ...path('PathPrefix', '/api/long/first'), method: 'GET' }],
            filters: [rewrite],
            pool: 'main',
          },
          { priority: -1, filters: [{ type: 'DirectResponse', directResponse: { status: 410 } }] },
        ],
      },
    ],
    pools: { main: { servers: [{ address: origin.address }] } },
  });
  const asked = async (target: string, localAddress: string): Promise<[number, string]> => {
    const client = await WireClient.connect(proxy.place, { localAddress });
    const response = await client.exchange(get(target, 'Host: shop.example'));
    client.close();
    return [statusOf(response), response.body];
  };
  for (const target of ['/api', '/api/long/x', '/api/long/first/x', '/other']) {
    assert.equal((await asked(target, '127.0.0.9'))[0], 403, target);
  }
  assert.deepEqual(await asked('/api', '127.0.0.1'), [200, 'GET /api HTTP/1.1']);
  // Where a broader rule wins, the prefix that is replaced is its own.
  assert.deepEqual(await asked('/api/long/x', '127.0.0.1'), [200, 'GET /new/x HTTP/1.1']);
  assert.deepEqual(await asked('/api/long/first/x', '127.0.0.1'), [200, 'GET /new/x HTTP/1.1']);
  assert.equal((await asked('/other', '127.0.0.1'))[0], 410);
});
