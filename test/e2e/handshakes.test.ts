// Very many handshakes of every kind, and that they leave nothing behind. `make soak-tls` makes it 100,000.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect as connectPlain } from 'node:net';
import { test } from 'node:test';
import { type ConnectionOptions, connect } from 'node:tls';
import { start as startEcho } from '../origins/json-echo.js';
import { realHello } from '../support/client-hello.js';
import { reset } from '../support/endings.js';
import { type Identity, makeIdentity } from '../support/identity.js';
import { describeProduct, type RunningProxy, use, useProxy } from '../support/proxy.js';
import { get } from '../support/wire-client.js';

const sanitized = process.env.SEVENFOLD_SANITIZED === '1';
const HANDSHAKES = Number(process.env.HANDSHAKES ?? (sanitized ? 1000 : 6000));
const AT_ONCE = 24;
/** A connection that nobody ends would otherwise hold up the test for as long as its proxy waits. */
const PATIENCE_MS = 20_000;
/** By the second half of 100,000: some 200 bytes for each of its handshakes. */
const RESIDENT_GROWTH_KIB = 10_000;

/** What became of the connections, by kind. */
type Tally = Record<'full' | 'resumed' | 'truncated' | 'garbage' | 'left', number>;

class Soak {
  readonly tally: Tally = { full: 0, resumed: 0, truncated: 0, garbage: 0, left: 0 };
  private readonly sessions: Record<'TLSv1.2' | 'TLSv1.3', Buffer | undefined> = {
    'TLSv1.2': undefined,
    'TLSv1.3': undefined,
  };

  constructor(
    private readonly proxy: RunningProxy,
    private readonly identity: Identity,
    private readonly hello: Buffer,
  ) {}

  /** One connection; which kind its number decides. */
  one(number: number): Promise<void> {
    const version = number % 20 < 10 ? 'TLSv1.3' : 'TLSv1.2';
    switch (number % 10) {
      case 7:
        return this.broken('truncated', this.hello.subarray(0, (number * 7) % this.hello.length));
      case 8:
        return this.broken('garbage', spoilt(this.hello, number));
      case 9:
        return this.left();
      default:
        return this.whole(version, number % 2 === 1, number % 3 === 0);
    }
  }

  /** Shakes hands, asks for something if it `asks`, and says goodbye. */
  private async whole(version: 'TLSv1.2' | 'TLSv1.3', resumes: boolean, asks: boolean): Promise<void> {
    const session = resumes ? this.sessions[version] : undefined;
    const socket = connect({ ...this.options(version), ...(session === undefined ? {} : { session }) });
    socket.setTimeout(PATIENCE_MS, () => socket.destroy(new Error(`nothing within ${PATIENCE_MS} ms`)));
    socket.on('session', (fresh: Buffer) => {
      this.sessions[version] = fresh;
    });
    await once(socket, 'secureConnect');
    assert.equal(
      socket.isSessionReused(),
      session !== undefined,
      `${version}, ${session === undefined ? 'full' : 'resumed'}`,
    );
    this.tally[session === undefined ? 'full' : 'resumed']++;
    const closed = once(socket, 'close');
    socket.resume();
    if (asks) socket.write(get('/', 'Connection: close'));
    else socket.end();
    await closed;
  }

  /** Sends what is no handshake, or not a whole one, ends, and waits until the proxy has ended too. */
  private async broken(kind: 'truncated' | 'garbage', bytes: Buffer): Promise<void> {
    const socket = connectPlain(this.proxy.place.port, this.proxy.place.host);
    socket.setTimeout(PATIENCE_MS, () => socket.destroy());
    // A reset ends it as well as a FIN does; being late does not.
    let late = false;
    socket.on('timeout', () => {
      late = true;
    });
    socket.on('error', () => {});
    const closed = new Promise<void>((resolve) => socket.on('close', () => resolve()));
    socket.resume();
    socket.end(bytes);
    await closed;
    assert.equal(late, false, `${kind}: still open after ${PATIENCE_MS} ms`);
    this.tally[kind]++;
  }

  /** Goes away, by a reset, as soon as the proxy has answered the first flight. */
  private async left(): Promise<void> {
    const socket = connectPlain(this.proxy.place.port, this.proxy.place.host);
    socket.write(this.hello);
    await once(socket, 'data', { signal: AbortSignal.timeout(PATIENCE_MS) });
    reset(socket);
    this.tally.left++;
  }

  private options(version: 'TLSv1.2' | 'TLSv1.3'): ConnectionOptions {
    const { host, port } = this.proxy.place;
    return { ...this.identity.client, host, port, minVersion: version, maxVersion: version };
  }
}

/** A ClientHello with some bytes turned over, chosen by `seed`; every third time its record header, too. */
function spoilt(hello: Buffer, seed: number): Buffer {
  const bytes = Buffer.from(hello);
  for (let at = seed % 31; at < bytes.length; at += 31 + (seed % 17)) bytes[at]! ^= 1 + (seed % 255);
  if (seed % 3 === 0) bytes[seed % 5]! ^= 0xff;
  return bytes;
}

const residentKiB = (pid: number): number =>
  Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]);

describeProduct('very many handshakes', () => {
  test(`${HANDSHAKES}, full, resumed, cut, spoilt and abandoned, leave nothing behind`, {
    timeout: 120_000 + HANDSHAKES * 30,
  }, async (t) => {
    const origin = await use(t, startEcho());
    const identity = makeIdentity({ names: ['first.example'] });
    const proxy = await useProxy(t, {
      servers: [origin.address],
      listeners: [{ protocol: 'https', tls: { certificates: [identity.files] } }],
      args: ['--workers', '2'],
    });
    const soak = new Soak(proxy, identity, await realHello('first.example'));
    let next = 0;
    const upTo = async (count: number): Promise<number> => {
      await Promise.all(
        Array.from({ length: AT_ONCE }, async () => {
          while (next < count) await soak.one(next++);
        }),
      );
      await proxy.countersUntil('given back', (held) =>
        (
          [
            'secured',
            'handshaking',
            'clientConnections',
            'chunksUsed',
            'spansQueued',
            'bytesQueued',
            'parsersUsed',
          ] as const
        ).every((name) => held[name] === 0),
      );
      return residentKiB(proxy.pid);
    };
    // The first half fills what is kept for ever: free lists, the allocator's arenas, compiled code.
    const half = await upTo(HANDSHAKES / 2);
    const whole = await upTo(HANDSHAKES);
    t.diagnostic(`${JSON.stringify(soak.tally)}; resident: ${half} KiB after half, ${whole} KiB after all`);
    const counters = await proxy.counters();
    const sum = (name: 'handshakes' | 'resumptions' | 'connections'): number =>
      counters.reduce((total, one) => total + one[name], 0);
    const { full, resumed } = soak.tally;
    assert.ok(Math.min(...Object.values(soak.tally)) >= HANDSHAKES / 20, JSON.stringify(soak.tally));
    assert.ok(sum('handshakes') >= full + resumed);
    assert.ok(sum('resumptions') >= resumed);
    // What is left over are idle connections to the origin, and no more than there can be of those.
    assert.ok(sum('connections') <= AT_ONCE, `${sum('connections')} connections`);
    // A leaked SSL object would be some 10 KiB. Short runs end before V8 has settled; sanitizers keep what was freed.
    if (HANDSHAKES >= 50_000 && !sanitized) {
      assert.ok(whole - half < RESIDENT_GROWTH_KIB, `resident memory grew by ${whole - half} KiB`);
    }
  });
});
