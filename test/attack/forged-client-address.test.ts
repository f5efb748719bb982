// A client that is not let in writes another address into every field that could name its own.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { start as startAnswers } from '../origins/answers.js';
import { ok, type RawOrigin } from '../origins/raw.js';
import { statusOf } from '../support/messages.js';
import { describeProduct, type RunningProxy, startProxy } from '../support/proxy.js';
import { askThrough, get } from '../support/wire-client.js';

const FRIEND = '10.0.0.1';
const PROXY = '127.0.0.2';

describeProduct('a forged client address', () => {
  let origin: RawOrigin;
  let proxy: RunningProxy;
  before(async () => {
    origin = await startAnswers((_, visit) => void visit.socket.write(ok('fine')));
    proxy = await startProxy({
      listeners: [{ clientAddressHeader: 'X-Forwarded-For' }],
      trustedProxies: [PROXY],
      servers: [origin.address],
      filters: [{ type: 'AllowDeny', allowDeny: { allow: [FRIEND] } }],
    });
  });
  after(async () => {
    await proxy.stop();
    await origin.close();
  });

  const status = async (from: string, ...lines: string[]): Promise<number> => {
    const { request, response } = await askThrough(origin, proxy.place, get('/', ...lines), { localAddress: from });
    assert.equal(request === undefined, statusOf(response) !== 200);
    return statusOf(response);
  };

  test('a stranger is known by its connection, whatever it writes', async () => {
    const lies = ['X-Forwarded-For', 'X_Forwarded_For', 'x-forwarded-for', 'Forwarded', 'X-Real-IP', 'True-Client-IP'];
    for (const name of lies) {
      const value = name === 'Forwarded' ? `for=${FRIEND}` : FRIEND;
      assert.equal(await status('127.0.0.1', `${name}: ${value}`), 403, name);
    }
  });

  test('behind a trusted proxy only what the proxy appended counts', async () => {
    assert.equal(await status(PROXY, `X-Forwarded-For: ${FRIEND}`), 200);
    for (const value of [`${FRIEND}, 203.0.113.9`, `${FRIEND}, `, `${FRIEND}:x`, 'unknown', `"${FRIEND}"`]) {
      const expected = value === `${FRIEND}, ` ? 200 : 403;
      assert.equal(await status(PROXY, `X-Forwarded-For: ${value}`), expected, value);
    }
    assert.equal(await status(PROXY, `X_Forwarded_For: ${FRIEND}`), 403, 'another name');
  });
});
