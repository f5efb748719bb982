// Certificates, keys and authorities that change on disk while the product runs, in all the ways they do.

import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls';
import { TLS_VERSIONS } from '../../src/base/tls-versions.js';
import { type Issued, issueCertificate } from '../../src/cli/issue-certificate.js';
import { type JsonEcho, start as startEcho } from '../origins/json-echo.js';
import { type Place, scratchDirectory } from '../support/addresses.js';
import { closing } from '../support/closing.js';
import {
  authority,
  authorityFile,
  type ClientIdentity,
  type Identity,
  makeClient,
  makeIdentity,
} from '../support/identity.js';
import { statusOf } from '../support/messages.js';
import { type RunningProxy, standIn, startProxy, useProxy } from '../support/proxy.js';
import { certificateAt, secure } from '../support/secure.js';
import { ask, get, WireClient } from '../support/wire-client.js';

const NAME = 'first.example';
const client = { ca: authority().cert, servername: NAME };
const listener = ({ cert, key }: Identity['files']): object => ({
  protocol: 'https',
  tls: { certificates: [{ cert, key }] },
});

const renewed = (): Identity => makeIdentity({ names: [NAME] });
const serialOf = ({ issued }: Identity): string => new X509Certificate(issued.cert).serialNumber;

/** The serial number of the certificate that a client is shown. */
const serialShown = async (place: Place): Promise<string> => (await certificateAt(place, client)).serialNumber;

/** Waits for the next line that says so, on standard output, after `change` was made. */
async function told(proxy: RunningProxy, line: RegExp, change: () => void): Promise<void> {
  const from = proxy.process.stdout.length;
  change();
  await proxy.process.until(String(line), () => (line.test(proxy.process.stdout.slice(from)) ? true : undefined));
}

const CHANGED = /^Listener \S+: TLS files changed on disk; new connections use the new content(: .+)?\.$/m;
const copy = (from: Identity['files'], to: Identity['files']): void => {
  writeFileSync(to.cert, readFileSync(from.cert));
  writeFileSync(to.key, readFileSync(from.key));
};

/** Stops a proxy that was meant to write to stderr, and returns what it wrote there. */
async function stderrOf(proxy: RunningProxy): Promise<string> {
  proxy.process.kill('SIGTERM');
  const { code, stderr } = await proxy.process.exited();
  assert.equal(code, 0);
  return stderr;
}

describe('TLS files that change', { concurrency: 3, skip: standIn && 'only the product' }, () => {
  let origin: Promise<JsonEcho> | undefined;
  const address = async (): Promise<string> => {
    origin ??= startEcho();
    return (await origin).address;
  };
  after(async () => {
    await (await origin)?.close();
  });

  for (const [how, place] of [
    ['rewritten in place', copy],
    [
      'replaced by a rename',
      (from: Identity['files'], to: Identity['files']) => {
        renameSync(from.cert, to.cert);
        renameSync(from.key, to.key);
      },
    ],
  ] as const) {
    test(`a pair that is ${how} is shown to new connections of all workers, and old ones go on`, async (t) => {
      const [first, second] = [renewed(), renewed()];
      const proxy = await useProxy(t, {
        servers: [await address()],
        listeners: [listener(first.files)],
        args: ['--workers', '2'],
      });
      const old = await WireClient.connect(proxy.place, { tls: client });
      assert.equal(await serialShown(proxy.place), serialOf(first));
      await told(proxy, CHANGED, () => place(second.files, first.files));
      for (let i = 0; i < 4; i++) assert.equal(await serialShown(proxy.place), serialOf(second));
      assert.equal(statusOf(await old.exchange(get('/'))), 200);
      assert.equal((old.socket as TLSSocket).getPeerCertificate().serialNumber, serialOf(first));
      old.close();
    });
  }

  test('the authorities of clients that are rewritten decide about new connections', async (t) => {
    const [ours, theirs] = [authority(), issueCertificate({ subject: 'another authority', authority: true })];
    const ca = join(scratchDirectory(), 'clients.pem');
    writeFileSync(ca, ours.cert);
    const identity = renewed();
    const proxy = await useProxy(t, {
      servers: [await address()],
      listeners: [
        {
          protocol: 'https',
          tls: {
            certificates: [{ cert: identity.files.cert, key: identity.files.key }],
            clientCertificates: { mode: 'required', ca },
          },
        },
      ],
    });
    const ofOurs = makeClient({ subject: 'our client' });
    const ofTheirs = makeClient({ subject: 'their client', issuer: theirs });
    const askAs = ({ shows }: ClientIdentity) => ask(proxy.place, get('/'), { ...client, ...shows });
    assert.equal(statusOf(await askAs(ofOurs)), 200);
    await assert.rejects(askAs(ofTheirs));
    await told(proxy, CHANGED, () => writeFileSync(ca, theirs.cert));
    assert.equal(statusOf(await askAs(ofTheirs)), 200);
    await assert.rejects(askAs(ofOurs));
  });

  test('links that are swapped one by one, as certbot does, are followed', async (t) => {
    const directory = scratchDirectory();
    const live = { cert: join(directory, 'live', 'fullchain.pem'), key: join(directory, 'live', 'privkey.pem') };
    for (const part of ['live', 'archive']) mkdirSync(join(directory, part));
    const version = (number: number, { files }: Identity): void => {
      for (const [name, from] of [
        ['fullchain', files.cert],
        ['privkey', files.key],
      ] as const) {
        writeFileSync(join(directory, 'archive', `${name}${number}.pem`), readFileSync(from));
        rmSync(join(directory, 'live', `${name}.pem`), { force: true });
        symlinkSync(`../archive/${name}${number}.pem`, join(directory, 'live', `${name}.pem`));
      }
    };
    const [first, second] = [renewed(), renewed()];
    version(1, first);
    const proxy = await useProxy(t, { servers: [await address()], listeners: [listener(live)] });
    assert.equal(await serialShown(proxy.place), serialOf(first));
    const news = /^Listener \S+: TLS files .* content: \S+\/live\/fullchain\.pem, which ends on \d{4}-\d\d-\d\d\.$/m;
    await told(proxy, news, () => version(2, second));
    assert.equal(await serialShown(proxy.place), serialOf(second));
  });

  test('a directory that is swapped behind a link, as Kubernetes does with secrets, is followed', async (t) => {
    const directory = scratchDirectory();
    const publish = ({ files }: Identity): void => {
      const version = mkdtempSync(join(directory, '..'));
      writeFileSync(join(version, 'tls.crt'), readFileSync(files.cert));
      writeFileSync(join(version, 'tls.key'), readFileSync(files.key));
      symlinkSync(version, join(directory, '..data_tmp'));
      renameSync(join(directory, '..data_tmp'), join(directory, '..data'));
    };
    const [first, second] = [renewed(), renewed()];
    publish(first);
    for (const name of ['tls.crt', 'tls.key']) symlinkSync(`..data/${name}`, join(directory, name));
    const files = { cert: join(directory, 'tls.crt'), key: join(directory, 'tls.key') };
    const proxy = await useProxy(t, { servers: [await address()], listeners: [listener(files)] });
    assert.equal(await serialShown(proxy.place), serialOf(first));
    await told(proxy, CHANGED, () => publish(second));
    assert.equal(await serialShown(proxy.place), serialOf(second));
  });

  test('a certificate without its key leaves the old pair in use, is told once, and comes with its key', async () => {
    const [first, second, other] = [renewed(), renewed(), renewed()];
    const proxy = await startProxy({
      servers: [await address()],
      listeners: [listener(first.files), listener(other.files)],
    });
    writeFileSync(first.files.cert, second.issued.cert);
    await proxy.process.until('the complaint', () => (proxy.process.stderr.endsWith('\n') ? true : undefined));
    assert.equal(await serialShown(proxy.place), serialOf(first));
    // What is wrong with one listener is no reason for another to wait.
    const third = renewed();
    await told(proxy, CHANGED, () => copy(third.files, other.files));
    assert.equal(await serialShown(proxy.listeners[1]!), serialOf(third));
    // The same mistake again is no news.
    const from = proxy.process.stdout.length;
    writeFileSync(first.files.cert, second.issued.cert);
    await told(proxy, CHANGED, () => copy(renewed().files, other.files));
    assert.equal(await serialShown(proxy.place), serialOf(first));
    await told(proxy, CHANGED, () => writeFileSync(first.files.key, second.issued.key));
    assert.equal(await serialShown(proxy.place), serialOf(second));
    assert.equal(proxy.process.stdout.slice(from).match(new RegExp(CHANGED, 'gm'))?.length, 2);
    const lines = (await stderrOf(proxy)).trimEnd().split('\n');
    assert.equal(lines.length, 1, lines.join('\n'));
    const { host, port } = proxy.place;
    assert.ok(
      lines[0]!.startsWith(`sevenfold: Listener ${host}:${port}: The key in ${first.files.key} does not`),
      lines[0],
    );
    assert.match(lines[0]!, /Expected the key .* stays in use until these files change\.$/);
  });

  test('a file that is gone or damaged leaves the old pair in use', async () => {
    const first = renewed();
    const proxy = await startProxy({ servers: [await address()], listeners: [listener(first.files)] });
    const complaint = async (says: RegExp, change: () => void): Promise<void> => {
      const from = proxy.process.stderr.length;
      change();
      await proxy.process.until(String(says), () => (says.test(proxy.process.stderr.slice(from)) ? true : undefined));
      assert.equal(await serialShown(proxy.place), serialOf(first));
    };
    await complaint(/cert\.pem does not exist/, () => rmSync(first.files.cert));
    await complaint(/There is no certificate in/, () => writeFileSync(first.files.cert, ''));
    await complaint(/Certificate 1 of 1 in .* is damaged/, () =>
      writeFileSync(first.files.cert, first.issued.cert.replace(/\n.{20}/, '\nAAAAAAAAAAAAAAAAAAAA')),
    );
    await complaint(/no usable private key/, () => {
      writeFileSync(first.files.cert, first.issued.cert);
      writeFileSync(first.files.key, first.issued.key.slice(0, 80));
    });
    await told(proxy, CHANGED, () => writeFileSync(first.files.key, first.issued.key));
    const said = await stderrOf(proxy);
    assert.ok(!said.includes(first.issued.key.split('\n')[1]!.slice(0, 20)), 'a key was told');
  });

  test('nothing else is read again: a configuration that is broken meanwhile does not matter', async (t) => {
    const [first, second] = [renewed(), renewed()];
    const proxy = await useProxy(t, { servers: [await address()], listeners: [listener(first.files)] });
    writeFileSync(proxy.file!, 'listeners: [');
    await told(proxy, CHANGED, () => copy(second.files, first.files));
    assert.equal(await serialShown(proxy.place), serialOf(second));
  });

  test('a renewed certificate that has expired is shown, and warned about', async () => {
    const first = renewed();
    const old = makeIdentity({ names: [NAME], from: new Date(Date.now() - 9e9), until: new Date(Date.now() - 1e9) });
    const proxy = await startProxy({ servers: [await address()], listeners: [listener(first.files)] });
    await told(proxy, CHANGED, () => copy(old.files, first.files));
    assert.match(await stderrOf(proxy), /^sevenfold: Listener \S+: A certificate in \S+ expired on .* renew it\.\n$/);
  });

  test('a session begun under the old certificate goes on under the new one', async (t) => {
    const [first, second] = [renewed(), renewed()];
    const proxy = await useProxy(t, { servers: [await address()], listeners: [listener(first.files)] });
    const sessions = new Map<string, Buffer>();
    for (const version of TLS_VERSIONS) {
      const socket = connect({ ...client, ...proxy.place, minVersion: version, maxVersion: version });
      const got = once(socket, 'session');
      socket.write(get('/'));
      sessions.set(version, ((await got) as [Buffer])[0]);
      socket.destroy();
    }
    await told(proxy, CHANGED, () => copy(second.files, first.files));
    for (const [version, session] of sessions) {
      const options = { ...client, minVersion: version, maxVersion: version, session } as ConnectionOptions;
      const socket = await secure(proxy.place, options);
      assert.equal(socket.isSessionReused(), true, version);
      socket.destroy();
    }
  });

  test('the certificate and the authorities for servers are renewed too', async (t) => {
    const [mine, renewedMine] = [renewed(), renewed()];
    const strange = issueCertificate({ subject: 'another authority', authority: true });
    const server = makeIdentity({ names: ['backend.example'] });
    const seen: string[] = [];
    const backend = createServer(
      {
        key: server.issued.key,
        cert: server.issued.cert,
        ca: authority().cert,
        requestCert: true,
        rejectUnauthorized: true,
      },
      (_request, response) => response.writeHead(200, { connection: 'close' }).end('ok'),
    );
    backend.on('secureConnection', (socket: TLSSocket) => seen.push(socket.getPeerCertificate().serialNumber));
    t.after(closing(backend));
    await new Promise<void>((resolve) => backend.listen(0, '127.0.0.1', resolve));
    const ca = authorityFile(authority());
    const proxy = await useProxy(t, {
      pools: {
        main: {
          servers: [{ address: `127.0.0.1:${(backend.address() as AddressInfo).port}` }],
          tls: { serverName: 'backend.example', ca, ...mine.files },
        },
      },
    });
    const changed = /^Pool main: TLS files changed on disk/m;
    assert.equal(statusOf(await ask(proxy.place, get('/'))), 200);
    await told(proxy, changed, () => copy(renewedMine.files, mine.files));
    assert.equal(statusOf(await ask(proxy.place, get('/'))), 200);
    assert.deepEqual(seen, [serialOf(mine), serialOf(renewedMine)]);
    await told(proxy, changed, () => writeFileSync(ca, strange.cert));
    assert.equal(statusOf(await ask(proxy.place, get('/'))), 502);
  });

  test('the authorities of clients are renewed too, and a session of before does not get around them', async (t) => {
    const server = renewed();
    const [before, later] = ['authority before', 'authority later'].map((subject) =>
      issueCertificate({ subject, authority: true }),
    );
    const of = (issuer: Issued | undefined): ConnectionOptions => {
      const { cert, key } = issueCertificate({ subject: 'client', ...(issuer === undefined ? {} : { issuer }) });
      return { ...client, cert, key, maxVersion: 'TLSv1.2' };
    };
    const ca = join(scratchDirectory(), 'clients.pem');
    writeFileSync(ca, before!.cert);
    const { cert, key } = server.files;
    const tls = { certificates: [{ cert, key }], clientCertificates: { mode: 'required', ca } };
    const proxy = await useProxy(t, { servers: [await address()], listeners: [{ protocol: 'https', tls }] });
    const old = await secure(proxy.place, of(before));
    const session = old.getSession()!;
    await assert.rejects(secure(proxy.place, of(later)), /unknown ca|alert/i);
    await told(proxy, CHANGED, () => writeFileSync(ca, later!.cert));
    (await secure(proxy.place, of(later))).destroy();
    for (const options of [of(before), { ...of(before), session }])
      await assert.rejects(secure(proxy.place, options), /unknown ca|alert/i);
    old.destroy();
  });

  test('SIGHUP with a broken pair keeps what ran, says where the mistake is, and works once it is mended', async () => {
    const [first, second] = [renewed(), renewed()];
    const spec = { servers: [await address()], listeners: [listener(first.files)] };
    const proxy = await startProxy(spec);
    writeFileSync(first.files.key, second.issued.key);
    proxy.process.kill('SIGHUP');
    await proxy.process.until('the refusal', () => (/was not reloaded/.test(proxy.process.stderr) ? true : undefined));
    assert.match(
      proxy.process.stderr,
      /listeners\[0\]\.tls\.certificates\[0\]\.key: The key in \S+ does not belong to the certificate/,
    );
    assert.equal(await serialShown(proxy.place), serialOf(first));
    writeFileSync(first.files.cert, second.issued.cert);
    await proxy.reload(spec);
    assert.equal(await serialShown(proxy.place), serialOf(second));
    // What a reload has read is watched like what it began with.
    const third = renewed();
    await told(proxy, CHANGED, () => copy(third.files, first.files));
    assert.equal(await serialShown(proxy.place), serialOf(third));
    await stderrOf(proxy);
  });

  test('50 reloads leave no context behind but those of open connections, and fail no handshake', async (t) => {
    const first = renewed();
    const spec = { servers: [await address()], listeners: [listener(first.files)], args: ['--workers', '2'] };
    const proxy = await useProxy(t, spec);
    assert.equal(await proxy.tlsContexts(), 1);
    const kept = await WireClient.connect(proxy.place, { tls: client });
    let reloading = true;
    let handshakes = 0;
    const visitor = async (): Promise<void> => {
      while (reloading) {
        const socket = await secure(proxy.place, client);
        handshakes++;
        socket.destroy();
      }
    };
    const visitors = [visitor(), visitor()];
    for (let i = 0; i < 50; i++) {
      copy(renewed().files, first.files);
      await proxy.reload(spec);
    }
    reloading = false;
    await Promise.all(visitors);
    assert.ok(handshakes > 0);
    await proxy.countersUntil('all but one closed', ({ secured }) => secured! <= 1);
    assert.equal(await proxy.tlsContexts(), 2, 'the one in use, and that of the open connection');
    assert.equal(statusOf(await kept.exchange(get('/'))), 200);
    kept.close();
    await proxy.countersUntil('all closed', ({ secured }) => secured === 0);
    assert.equal(await proxy.tlsContexts(), 1);
  });
});
