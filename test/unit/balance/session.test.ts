import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SESSION_DEFAULTS, type SessionOptions } from '../../../src/balance/options.js';
import { GATE } from '../../../src/balance/server-state.js';
import { NO_SESSION, Sessions, sessionToken } from '../../../src/balance/session.js';
import { Attempted } from '../../../src/balance/view.js';
import { pool } from './fixtures.js';

const NONE = new Attempted();

function sticky(options: Partial<SessionOptions> = {}, serverRequestsMax = 0) {
  const made = pool({ weights: [1, 1, 1], limits: { serverRequestsMax } });
  const all = { ...SESSION_DEFAULTS, secret: 'secret', ...options };
  const sessions = new Sessions(made.plan, all, made.state);
  const nameOf = (server: number) => sessionToken('shop', made.plan.servers[server]!.address, all.secret);
  const read = (value: string) => {
    const bytes = Buffer.from(`xx${value}sevenfold=none; `, 'latin1');
    return sessions.read(bytes, 2, value.length);
  };
  const line = (was: number, is: number) => sessions.line(was, is);
  return { ...made, sessions, nameOf, read, line };
}

test('finds its cookie wherever it stands among others', () => {
  const { read, nameOf } = sticky();
  const name = nameOf(1);
  for (const value of [
    `sevenfold=${name}`,
    `a=b; sevenfold=${name}`,
    `sevenfold=${name}; a=b`,
    `a=b;sevenfold=${name};c=d`,
    ` \tsevenfold=${name} \t;`,
    `sevenfold="${name}"`,
    `sevenfold=stale0123456789x; sevenfold=${name}`,
  ])
    assert.equal(read(value), 1, value);
});

test('takes nothing else for its cookie', () => {
  const { read, nameOf } = sticky();
  const name = nameOf(1);
  for (const value of [
    '',
    ';',
    '=',
    'sevenfold',
    'sevenfold=',
    `Sevenfold=${name}`,
    `xsevenfold=${name}`,
    `sevenfold2=${name}`,
    `sevenfold=${name}x`,
    `sevenfold=${name.slice(1)}`,
    `a=sevenfold=${name}`,
    `sevenfold=${name.toLowerCase()}!`,
    `sevenfold=${'A'.repeat(16)}`,
  ])
    assert.equal(read(value), NO_SESSION, value);
});

test('never reads beyond the value it was given', () => {
  const { sessions, nameOf } = sticky();
  const bytes = Buffer.from(`sevenfold=${nameOf(0)}`, 'latin1');
  for (let length = 0; length < bytes.length; length++)
    assert.equal(sessions.read(bytes, 0, length), NO_SESSION, `with ${length} bytes`);
  assert.equal(sessions.read(bytes, 0, bytes.length), 0);
});

test('names servers the same after a restart, differently per pool, address and secret, and tells nothing', () => {
  assert.equal(sessionToken('shop', '10.0.0.1:80', 's'), sessionToken('shop', '10.0.0.1:80', 's'));
  const names = [
    sessionToken('shop', '10.0.0.1:80', 's'),
    sessionToken('shop', '10.0.0.2:80', 's'),
    sessionToken('api', '10.0.0.1:80', 's'),
    sessionToken('shop', '10.0.0.1:80', 't'),
  ];
  assert.equal(new Set(names).size, 4);
  for (const name of names) assert.match(name, /^[A-Za-z0-9_-]{16}$/);
});

test('sets a session cookie with the attributes asked for', () => {
  const { line, nameOf } = sticky();
  assert.equal(line(-1, 2), `Set-Cookie: sevenfold=${nameOf(2)}; Path=/; Secure; HttpOnly; SameSite=Lax\r\n`);
  const plain = sticky({
    name: 'at',
    secure: false,
    httpOnly: false,
    sameSite: 'Strict',
    path: '/shop',
    maxAgeSeconds: 60,
  });
  assert.equal(plain.line(-1, 0), `Set-Cookie: at=${plain.nameOf(0)}; Path=/shop; Max-Age=60; SameSite=Strict\r\n`);
});

test('reads and tells by a header when the pool asks for that', () => {
  const { read, line, nameOf } = sticky({ type: 'Header', name: 'X-Session' });
  assert.equal(read(nameOf(2)), 2);
  assert.equal(read(`sevenfold=${nameOf(2)}`), NO_SESSION);
  assert.equal(line(-1, 2), `X-Session: ${nameOf(2)}\r\n`);
});

test('tells nothing when the client stays where it was', () => {
  assert.equal(sticky().line(1, 1), null);
});

test('stays with a server that is open or draining, and moves from any other', () => {
  const { sessions, state } = sticky();
  assert.equal(sessions.stays(1, NONE), true);
  state.closeGate(1, GATE.DRAINING);
  assert.equal(sessions.stays(1, NONE), true, 'sticky clients move last');
  for (const bit of [GATE.DOWN, GATE.EJECTED, GATE.GONE, GATE.UNCHECKED]) {
    state.closeGate(1, bit);
    assert.equal(sessions.stays(1, NONE), false);
    state.openGate(1, bit);
  }
  assert.equal(sessions.stays(NO_SESSION, NONE), false);
});

test('moves a client whose server died, and tells it to stay at the new one', () => {
  const { sessions, state, line, nameOf } = sticky();
  state.closeGate(1, GATE.DOWN);
  assert.equal(sessions.stays(1, NONE), false);
  assert.match(line(1, 2)!, new RegExp(`sevenfold=${nameOf(2)};`));
});

test('moves a client whose server was tried for this request already', () => {
  const { sessions, line } = sticky();
  const attempted = new Attempted();
  attempted.add(1);
  assert.equal(sessions.stays(1, attempted), false);
  assert.notEqual(line(1, 0), null);
});

test('passes by a full server for once, and lets the client keep its cookie', () => {
  const { sessions, state, line } = sticky({}, 1);
  state.requestBegins(1);
  assert.equal(sessions.stays(1, NONE), false);
  assert.equal(line(1, 0), null);
  state.requestEnds(1);
  assert.equal(sessions.stays(1, NONE), true);
});
