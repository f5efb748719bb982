// OCSP stapling, as openssl s_client sees it.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { type JsonEcho, start as startEcho } from '../origins/json-echo.js';
import { type Place, scratchDirectory, written } from '../support/addresses.js';
import { authority, authorityFile, type Identity, makeIdentity } from '../support/identity.js';
import { endingAt, ocspResponse } from '../support/ocsp.js';
import { describeProduct, type RunningProxy, startProxy, useProxy } from '../support/proxy.js';

const directory = scratchDirectory();
const STAPLED = /OCSP Response Status: successful[\s\S]*Cert Status: good/;
const NOT_STAPLED = /OCSP response: no response sent/;

/** A certificate with its issuer behind, and the response for it. */
function stapled(options: Parameters<typeof makeIdentity>[0]): Identity & { files: { ocsp: string } } {
  const identity = makeIdentity({ chain: [authority()], ...options });
  const ocsp = `${identity.files.cert}.ocsp`;
  writeFileSync(ocsp, ocspResponse({ certificate: identity.issued, issuer: authority() }));
  return { ...identity, files: { ...identity.files, ocsp } };
}

const https = (...identities: readonly Pick<Identity, 'files'>[]): object => ({
  protocol: 'https',
  tls: { certificates: identities.map(({ files }) => files) },
});

/** What openssl s_client prints of a handshake in which it asks for the status. */
function asks(place: Place, name: string, ...more: readonly string[]): Promise<string> {
  const { LD_PRELOAD: _, ...env } = process.env;
  const args = ['s_client', '-connect', written(place), '-servername', name, '-status', ...more];
  return new Promise((resolve) => {
    const child = execFile('openssl', args, { timeout: 20_000, env }, (_error, stdout, stderr) =>
      resolve(`${stdout}\n${stderr}`),
    );
    child.stdin?.on('error', () => {});
    child.stdin?.end('');
  });
}

const serialIn = (said: string): string | undefined => /Serial Number: ([0-9A-F]+)/.exec(said)?.[1];
const serialOf = ({ issued }: Identity): string => new X509Certificate(issued.cert).serialNumber;

describeProduct('OCSP stapling', () => {
  let origin: JsonEcho;
  let proxy: RunningProxy;
  const ec = stapled({ names: ['shop.example'] });
  const rsa = stapled({ names: ['shop.example'], keyType: 'rsa' });
  const second = stapled({ names: ['second.example'] });
  const without = makeIdentity({ names: ['without.example'] });

  before(async () => {
    origin = await startEcho();
    proxy = await startProxy({ servers: [origin.address], listeners: [https(ec, rsa, second, without)] });
  });
  after(async () => {
    await proxy.stop();
    await origin.close();
  });

  for (const version of ['-tls1_2', '-tls1_3'] as const) {
    test(`each certificate comes with its own response, by name and by type of key (${version})`, async () => {
      for (const [name, identity, more] of [
        ['shop.example', ec, ['-sigalgs', 'ECDSA+SHA256']],
        ['shop.example', rsa, ['-sigalgs', 'RSA+SHA256:RSA-PSS+SHA256']],
        ['second.example', second, []],
        ['unknown.example', ec, []],
      ] as const) {
        const said = await asks(proxy.place, name, version, ...more);
        assert.match(said, STAPLED, name);
        assert.equal(serialIn(said), serialOf(identity), name);
      }
      assert.match(await asks(proxy.place, 'without.example', version), NOT_STAPLED);
    });

    test(`a session that goes on is not stapled, and goes on (${version})`, async () => {
      const file = join(directory, `session${version}`);
      // The ticket of TLS 1.3 follows the handshake: its answer to a request is waited for.
      const first = await saveSession(proxy.place, version, file);
      assert.match(first, STAPLED);
      const again = await asks(proxy.place, 'shop.example', version, '-sess_in', file);
      assert.match(again, /^Reused, TLS/m);
      assert.doesNotMatch(again, STAPLED);
    });
  }

  test('the response is one that openssl verifies', async () => {
    const ca = authorityFile(authority());
    const ocsp = ['-CAfile', ca, '-issuer', ca, '-cert', ec.files.cert, '-respin', ec.files.ocsp, '-no_nonce'];
    const { LD_PRELOAD: _, ...env } = process.env;
    const said = await new Promise<string>((resolve) => {
      execFile('openssl', ['ocsp', ...ocsp], { env }, (_error, stdout, stderr) => resolve(stdout + stderr));
    });
    assert.match(said, /Response verify OK/);
    assert.match(said, /: good/);
  });

  test('a client that does not ask is not told', async () => {
    const { LD_PRELOAD: _, ...env } = process.env;
    const said = await new Promise<string>((resolve) => {
      const args = ['s_client', '-connect', written(proxy.place), '-servername', 'shop.example', '-tlsextdebug'];
      const child = execFile('openssl', [...args, '-tls1_2'], { env }, (_error, stdout) => resolve(stdout));
      child.stdin?.end('');
    });
    assert.doesNotMatch(said, /status request/);
  });

  test('one that has ended is not sent, and warned about at the start', async () => {
    const old = stapled({ names: ['old.example'] });
    const response = ocspResponse({ certificate: old.issued, issuer: authority() });
    writeFileSync(old.files.ocsp, endingAt(response, new Date(Date.now() - 1000)));
    const running = await startProxy({ servers: [origin.address], listeners: [https(old)] });
    assert.match(await asks(running.place, 'old.example'), NOT_STAPLED);
    running.process.kill('SIGTERM');
    const { code, stderr } = await running.process.exited();
    assert.equal(code, 0);
    assert.match(stderr, /^warning: .*\.ocsp: The OCSP response in \S+ was good until .* and is not stapled\./);
  });

  test('one that ends meanwhile is sent until then, and its end is told', async () => {
    const short = stapled({ names: ['short.example'] });
    const response = ocspResponse({ certificate: short.issued, issuer: authority() });
    const running = await startProxy({ servers: [origin.address], listeners: [https(short)] });
    const end = new Date(Date.now() + 8000);
    const ENDED =
      /^sevenfold: Listener \S+: the OCSP response in \S+\.ocsp, for the certificate in \S+\.pem, has expired and is no longer stapled/m;
    writeFileSync(short.files.ocsp, endingAt(response, end));
    await running.process.until('the change', () =>
      /TLS files changed/.test(running.process.stdout) ? true : undefined,
    );
    assert.match(await asks(running.place, 'short.example'), STAPLED);
    await running.process.until('the end', () => (ENDED.test(running.process.stderr) ? true : undefined));
    assert.ok(Date.now() >= Math.floor(end.getTime() / 1000) * 1000);
    assert.match(await asks(running.place, 'short.example'), NOT_STAPLED);
    running.process.kill('SIGTERM');
    assert.equal((await running.process.exited()).code, 0);
  });

  test('a response that is renewed on disk is sent from then on', async (t) => {
    const soon = stapled({ names: ['soon.example'] });
    const running = await useProxy(t, { servers: [origin.address], listeners: [https(soon)] });
    const before = await asks(running.place, 'soon.example');
    const month = ocspResponse({ certificate: soon.issued, issuer: authority(), days: 30 });
    writeFileSync(soon.files.ocsp, month);
    await running.process.until('the change', () =>
      /TLS files changed/.test(running.process.stdout) ? true : undefined,
    );
    const after = await asks(running.place, 'soon.example');
    const until = (said: string): number => Date.parse(/Next Update: (.*)/.exec(said)![1]!);
    assert.ok(until(after) - until(before) > 20 * 86_400_000);
  });

  test('a response that is spoilt, or for another certificate, leaves the old one in use and is told once', async () => {
    const kept = stapled({ names: ['kept.example'] });
    const running = await startProxy({ servers: [origin.address], listeners: [https(kept)] });
    for (const [says, bytes] of [
      [/There is no OCSP response in \S+\. .* stays in use/, Buffer.from('<html>504</html>')],
      [/is for another certificate than .* stays in use/, readFileSync(second.files.ocsp)],
    ] as const) {
      const from = running.process.stderr.length;
      writeFileSync(kept.files.ocsp, bytes);
      await running.process.until(String(says), () =>
        says.test(running.process.stderr.slice(from)) ? true : undefined,
      );
      assert.match(await asks(running.place, 'kept.example'), STAPLED);
    }
    running.process.kill('SIGTERM');
    assert.equal((await running.process.exited()).stderr.trimEnd().split('\n').length, 2);
  });

  test('a certificate renewed before its response is shown without one, until that comes', async () => {
    const first = stapled({ names: ['renew.example'] });
    const next = stapled({ names: ['renew.example'] });
    const running = await startProxy({ servers: [origin.address], listeners: [https(first)] });
    const changes = (): number => running.process.stdout.match(/TLS files changed/g)?.length ?? 0;
    const changed = (count: number): Promise<true> =>
      running.process.until('the change', () => (changes() === count ? true : undefined));
    for (const part of ['cert', 'key'] as const) copyFileSync(next.files[part], first.files[part]);
    await changed(1);
    const bare = await asks(running.place, 'renew.example', '-showcerts');
    assert.match(bare, NOT_STAPLED);
    copyFileSync(next.files.ocsp, first.files.ocsp);
    await changed(2);
    const whole = await asks(running.place, 'renew.example');
    assert.match(whole, STAPLED);
    assert.equal(serialIn(whole), serialOf(next));
    running.process.kill('SIGTERM');
    assert.match(
      (await running.process.exited()).stderr,
      /^sevenfold: Listener \S+: The OCSP response in \S+ is for another certificate than .* Nothing is stapled meanwhile\.\n$/,
    );
  });
});

/** A handshake whose session is kept in `file`: the client stays until the server has ended the connection. */
function saveSession(place: Place, version: string, file: string): Promise<string> {
  const { LD_PRELOAD: _, ...env } = process.env;
  const args = ['s_client', '-connect', written(place), '-servername', 'shop.example', '-status', version];
  return new Promise((resolve) => {
    const child = execFile('openssl', [...args, '-sess_out', file, '-ign_eof'], { env }, (_error, stdout) =>
      resolve(stdout),
    );
    child.stdin?.end('GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
  });
}
