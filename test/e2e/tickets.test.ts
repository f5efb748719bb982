// Keys of session tickets as time goes by: on a clock that the test moves.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { connect } from 'node:tls';
import { fileURLToPath } from 'node:url';
import { start as startEcho } from '../origins/json-echo.js';
import { type Place, scratchDirectory } from '../support/addresses.js';
import { type Identity, makeIdentity } from '../support/identity.js';
import { standIn, use, useProxy } from '../support/proxy.js';
import { get } from '../support/wire-client.js';

const ROTATE_S = 14_400;
const SOURCE = fileURLToPath(new URL('../support/shifted-clock.c', import.meta.url));

interface Visit {
  readonly resumed: boolean;
  /** The session to go on with next time: with a new ticket, or the same as before. */
  readonly session: Buffer;
}

/** One request over TLS 1.2, where a resumed session gets a new ticket only if the server wants it to. */
async function visit(place: Place, { client }: Identity, session?: Buffer): Promise<Visit> {
  const socket = connect({ ...client, ...place, maxVersion: 'TLSv1.2', ...(session === undefined ? {} : { session }) });
  await once(socket, 'secureConnect');
  const visited = { resumed: socket.isSessionReused(), session: socket.getSession()! };
  socket.end(get('/', 'Connection: close'));
  socket.resume();
  await once(socket, 'close');
  return visited;
}

test('a ticket is good over two changes of the key, and is changed for a new one meanwhile', {
  skip: standIn,
}, async (t) => {
  const directory = scratchDirectory();
  const library = join(directory, 'shifted-clock.so');
  const shiftFile = join(directory, 'shift');
  const { LD_PRELOAD: preloaded, ...env } = process.env;
  execFileSync('cc', ['-shared', '-fPIC', '-O1', '-o', library, SOURCE, '-ldl'], { env });
  const later = (rotations: number): void => writeFileSync(shiftFile, String(rotations * (ROTATE_S + 1)));
  later(0);
  const identity = makeIdentity({ names: ['first.example'] });
  const origin = await use(t, startEcho());
  const proxy = await useProxy(t, {
    servers: [origin.address],
    listeners: [{ protocol: 'https', tls: { certificates: [identity.files] } }],
    environment: {
      LD_PRELOAD: preloaded === undefined ? library : `${preloaded} ${library}`,
      SHIFT_FILE: shiftFile,
    },
  });
  const first = await visit(proxy.place, identity);
  assert.equal(first.resumed, false);
  const again = await visit(proxy.place, identity, first.session);
  assert.equal(again.resumed, true);
  const sameKey = keyName(first.session);
  assert.equal(keyName(again.session), sameKey);

  // A handshake without a session makes the first ticket under the new key.
  const renewals: string[] = [];
  for (const rotations of [1, 2]) {
    later(rotations);
    const fresh = await visit(proxy.place, identity);
    const old = await visit(proxy.place, identity, first.session);
    assert.equal(old.resumed, true, `after ${rotations}`);
    assert.equal(keyName(old.session), keyName(fresh.session), 'it is given a new ticket');
    renewals.push(keyName(fresh.session));
  }
  assert.equal(new Set([sameKey, ...renewals]).size, 3, 'each time under another key');

  later(3);
  await visit(proxy.place, identity);
  assert.equal((await visit(proxy.place, identity, first.session)).resumed, false);
});

/** The name of the key that a session's ticket was made with: its first 16 bytes (RFC 5077, 4). */
function keyName(session: Buffer): string {
  // [10] EXPLICIT OCTET STRING of OpenSSL's SSL_SESSION; the ticket is longer than 127 bytes.
  const at = session.findIndex(
    (byte, index) => byte === 0xaa && session[index + 1] === 0x81 && session[index + 3] === 0x04,
  );
  assert.ok(at > 0, 'a session with a ticket');
  return session.subarray(at + 6, at + 22).toString('hex');
}
