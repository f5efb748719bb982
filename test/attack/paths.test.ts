// Paths written so that the rule that matches and the server that serves would read them differently.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { statusOf } from '../support/messages.js';
import { Siege } from '../support/siege.js';
import { ask, get } from '../support/wire-client.js';

describe('paths', { concurrency: 1 }, () => {
  const prefix = (value: string, pool: string): object => ({
    matches: [{ path: { type: 'PathPrefix', value } }],
    pool,
  });
  const siege = new Siege({ routes: [{ rules: [prefix('/public', 'main'), prefix('/others', 'main')] }] });

  const disguises = [
    '/public/../private',
    '/public/%2e%2e/private',
    '/public/%2E%2E/private',
    '/public/.%2e/private',
    '/public/./../private',
    '/public/x/../../private',
    '/../private',
    '/public/../../private',
  ];
  for (const path of disguises) {
    test(`${path} does not pass for a path under /public`, async () => {
      siege.origin.requests.length = 0;
      const status = statusOf(await ask(siege.proxy.place, get(path)));
      assert.ok([400, 404].includes(status), `status ${status}`);
      assert.deepEqual(siege.origin.requests, []);
    });
  }

  test('a path that only begins with the same letters does not match', async () => {
    for (const path of ['/publicity', '/public%2fx', '/public;x', '/Public', '/public\\x']) {
      const status = statusOf(await ask(siege.proxy.place, get(path)));
      assert.ok([400, 404].includes(status), `${path}: status ${status}`);
    }
  });

  test('a fragment in a target is refused', () => siege.refuses(get('/public#x'), 400));

  test('broken escapes are refused or passed on as they are', async () => {
    for (const path of ['/public/%', '/public/%zz', '/public/%2']) {
      const status = statusOf(await ask(siege.proxy.place, get(path)));
      assert.ok([200, 400].includes(status), `${path}: status ${status}`);
    }
    await siege.servesOthers();
  });
});
