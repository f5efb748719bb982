// A client that is let in says in the fields of its identity that it is another one: in every spelling, and behind its body.

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { hashSync } from 'bcryptjs';
import { start as startAnswers } from '../origins/answers.js';
import { ok, type RawOrigin } from '../origins/raw.js';
import { scratchDirectory } from '../support/addresses.js';
import { statusOf } from '../support/messages.js';
import { describeProduct, type RunningProxy, startProxy } from '../support/proxy.js';
import { askThrough, get } from '../support/wire-client.js';

const LOGIN = `Authorization: Basic ${Buffer.from('anna:secret').toString('base64')}`;
const SPELLINGS = [
  'X-Remote-User',
  'x-remote-user',
  'X_Remote_User',
  'X-Remote_User',
  'X.Remote.User',
  'x+remote!user',
];

describeProduct('a forged identity', () => {
  let origin: RawOrigin;
  let proxy: RunningProxy;
  before(async () => {
    const file = join(scratchDirectory(), 'users');
    writeFileSync(file, `anna:${hashSync('secret', 4)}\n`);
    origin = await startAnswers((_, visit) => void visit.socket.write(ok('fine')));
    proxy = await startProxy({
      servers: [origin.address],
      filters: [{ type: 'BasicAuth', basicAuth: { file, userHeader: 'X-Remote-User' } }],
    });
  });
  after(async () => {
    await proxy.stop();
    await origin.close();
  });

  test('whatever it is spelled like, the server gets the user that was verified, once', async () => {
    for (const name of SPELLINGS) {
      const { request, response } = await askThrough(
        origin,
        proxy.place,
        get('/', LOGIN, `${name}: root`, `${name}: root`),
      );
      assert.equal(statusOf(response), 200);
      const named = request!.fields.filter(
        ([field]) => field.replace(/[^a-z]/gi, '-').toLowerCase() === 'x-remote-user',
      );
      assert.deepEqual(
        named.map(([, value]) => value),
        ['anna'],
        name,
      );
      assert.doesNotMatch(JSON.stringify(request), /root|secret|[Aa]uthorization/);
    }
  });

  test('in a trailer it is refused, before the server has the whole request', async () => {
    for (const name of [...SPELLINGS, 'Authorization']) {
      const head = `POST / HTTP/1.1\r\nHost: a.example\r\n${LOGIN}\r\nTransfer-Encoding: chunked\r\n\r\n`;
      const { response } = await askThrough(origin, proxy.place, `${head}4\r\nbody\r\n0\r\n${name}: root\r\n\r\n`);
      // What may not stand in a trailer at all is dropped from it.
      const expected = name === 'Authorization' ? 200 : 400;
      assert.equal(statusOf(response), expected, name);
    }
    assert.doesNotMatch(JSON.stringify(origin.requests), /root/);
  });
});
