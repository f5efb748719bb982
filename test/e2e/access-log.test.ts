// Access logs of the running product: one line for each request that ended, whatever it was, in each format and to each destination.

import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { closeSync, constants, openSync, readFileSync, readSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { connect as connectHttp2 } from 'node:http2';
import { join } from 'node:path';
import { test } from 'node:test';
import type { ConnectionOptions } from 'node:tls';
import { start as startAnswers } from '../origins/answers.js';
import { start as startMidBody } from '../origins/closes-mid-body.js';
import { freePlace, scratchDirectory, written } from '../support/addresses.js';
import { Child } from '../support/child.js';
import { makeIdentity } from '../support/identity.js';
import { statusOf } from '../support/messages.js';
import {
  describeProduct,
  documentOf,
  MAIN,
  type ProxySpec,
  RunningProxy,
  startProxy,
  use,
  useProxy,
} from '../support/proxy.js';
import { ask, get, WireClient } from '../support/wire-client.js';

interface Line {
  readonly [field: string]: unknown;
}

const read = (file: string): string => readFileSync(file, 'utf8');
const linesOf = (file: string): string[] => read(file).split('\n').slice(0, -1);
const jsonOf = (file: string): Line[] => linesOf(file).map((line) => JSON.parse(line) as Line);

/** Waits until a log has so many lines: it looks again and again, since a file tells of no event that all file systems have. */
async function until(file: string, count: number): Promise<void> {
  const deadline = Date.now() + 10_000;
  while (linesOf(file).length < count) {
    assert.ok(Date.now() < deadline, `${linesOf(file).length} of ${count} lines in ${file}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

const rule = (path: string, more: object): object => ({
  name: path.slice(1),
  matches: [{ path: { type: 'PathPrefix', value: path } }],
  ...more,
});

/** A proxy that has something to say on standard error. */
async function useLoud(t: { after(end: () => Promise<unknown>): void }, spec: ProxySpec): Promise<RunningProxy> {
  const proxy = await startProxy(spec);
  t.after(() => {
    proxy.process.kill('SIGTERM');
    return proxy.process.exited();
  });
  return proxy;
}

/** A POST over HTTP/2; resolves with its status. */
function askHttp2(url: string, options: ConnectionOptions): Promise<number> {
  return new Promise((resolve, reject) => {
    const session = connectHttp2(url, options);
    session.on('error', reject);
    const request = session.request({
      ':method': 'POST',
      ':path': '/over-http2',
      ':authority': 'site.example:8443',
      'user-agent': 'two',
    });
    let status = 0;
    request.on('response', (headers) => {
      status = Number(headers[':status']);
    });
    request.on('end', () => {
      session.close();
      resolve(status);
    });
    request.resume();
    request.end(Buffer.alloc(1000));
  });
}

describeProduct('access log', () => {
  test('each request that ended has one line, with what became of it', async (t) => {
    const good = await use(t, startAnswers());
    const cut = await use(t, startMidBody());
    const dead = written(freePlace());
    const directory = scratchDirectory();
    const file = (name: string): string => join(directory, name);
    const spec: ProxySpec = {
      routes: [
        {
          name: 'site',
          rules: [
            rule('/good', { pool: 'good' }),
            rule('/cut', { pool: 'cut' }),
            rule('/retried', { pool: 'retried' }),
            rule('/own', { filters: [{ type: 'DirectResponse', directResponse: { status: 403, body: 'no' } }] }),
          ],
        },
      ],
      pools: {
        good: { servers: [{ address: good.address, name: 'first' }] },
        cut: { servers: [{ address: cut.address }] },
        retried: { servers: [{ address: dead }, { address: good.address, backup: true }] },
      },
      listeners: [
        { name: 'web' },
        { protocol: 'tcp', pool: 'good', name: 'raw' },
        { name: 'quiet', accessLog: [] },
        { name: 'slow', accessLog: [{ to: { file: file('slow.json') }, when: { minDuration: '10m' } }] },
        { name: 'waiting' },
      ],
      timeouts: { requestHead: '300ms' },
      accessLog: [
        {
          to: { file: file('all.json') },
          query: true,
          headers: [{ name: 'X-Tenant' }, { name: 'Authorization', redact: true }],
        },
        { format: 'combined', to: { file: file('combined.log') } },
        {
          format: 'template',
          template: `\${status} \${reason} \${rule} \${attempts} "\${path}" \${header_x_tenant} \${tlsVersion} $\${x}`,
          to: { file: file('template.log'), mode: '0600' },
        },
        { to: { file: file('bad.json') }, when: { statuses: ['400-499'] } },
        { to: { file: file('retried.json') }, when: { retried: true, routes: ['site'] } },
        { to: { file: file('left.json') }, when: { reasons: ['CLIENT_LEFT', 'RESPONSE_CUT'] } },
        { to: { file: file('none.json') }, sample: 0 },
      ],
    };
    const proxy = await useProxy(t, spec);

    const secret = ['Authorization: Basic c2VjcmV0', 'X-Tenant: a"b', 'X-Tenant: c', 'User-Agent: it'];
    assert.equal(statusOf(await ask(proxy.place, get('/good/a?b=c', ...secret))), 200);
    assert.equal(statusOf(await ask(proxy.place, get('/retried'))), 200);
    assert.equal(statusOf(await ask(proxy.place, get('/own'))), 403);
    assert.equal(statusOf(await ask(proxy.place, get('/none'))), 404);
    assert.equal(statusOf(await ask(proxy.place, 'GET /bad HTTP/1.1\r\nHost : a\r\n\r\n')), 400);
    assert.equal(statusOf(await ask(proxy.place, 'BREW /pot HTTP/1.1\r\nHost: a\r\n\r\n')), 501);
    assert.equal(statusOf(await ask(proxy.place, get(`/${'p'.repeat(9000)}`))), 414);
    assert.equal(statusOf(await ask(proxy.place, get('/', `X: ${'h'.repeat(17_000)}`))), 431);
    const cutting = await WireClient.connect(proxy.place);
    await cutting.send(get('/cut'));
    assert.equal(await cutting.trueEnding(), 'reset');
    const waiting = await WireClient.connect(proxy.listeners[4]!);
    await waiting.send('GET /late HTTP/1.1\r\n');
    await waiting.until('the answer', () => waiting.received.includes('408') || undefined);
    waiting.close();
    assert.equal(statusOf(await ask(proxy.listeners[1]!, get('/', 'Connection: close'))), 200);
    for (const place of [2, 3]) assert.equal(statusOf(await ask(proxy.listeners[place]!, get('/good'))), 200);

    await until(file('all.json'), 11);
    const { exchangesEnded } = (await proxy.counters())[0]!;
    const { recorded, dropped, destinations } = await proxy.accessLogs();
    assert.deepEqual([exchangesEnded, recorded, dropped], [13, 11, 0]);
    for (const { destination, written: count, dropped: lost } of destinations)
      assert.deepEqual([linesOf(destination).length, 0], [count, lost], destination);
    await proxy.stop();

    const all = jsonOf(file('all.json'));
    const short = all.map((line) => [
      line['http.response.status_code'],
      line.reason,
      line.rule,
      line.pool,
      line.attempts,
    ]);
    assert.deepEqual(short, [
      [200, null, 'good', 'good', 1],
      [200, null, 'retried', 'retried', 2],
      [403, null, 'own', null, 0],
      [404, 'NO_ROUTE', null, null, 0],
      [400, 'REQUEST_MALFORMED', null, null, 0],
      [501, 'METHOD_UNKNOWN', null, null, 0],
      [414, 'URI_TOO_LONG', null, null, 0],
      [431, 'HEAD_TOO_LARGE', null, null, 0],
      [200, 'RESPONSE_CUT', 'cut', 'cut', 1],
      [408, 'HEAD_TIMEOUT', null, null, 0],
      [null, null, null, 'good', 1],
    ]);
    const first = all[0]!;
    const expected: Line = {
      listener: 'web',
      'client.address': '127.0.0.1',
      'network.peer.address': '127.0.0.1',
      'network.protocol.name': 'http',
      'network.protocol.version': '1.1',
      'url.scheme': 'http',
      'url.path': '/good/a',
      'url.query': 'b=c',
      'http.request.method': 'GET',
      'user_agent.original': 'it',
      'http.request.header.x-tenant': ['a"b, c'],
      'http.request.header.authorization': ['redacted'],
      route: 'site',
      server: 'first',
      serverAddress: good.address,
      worker: 0,
      connection: 1,
    };
    for (const [field, value] of Object.entries(expected)) assert.deepEqual(first[field], value, field);
    assert.match(String(first.time), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    assert.ok(Math.abs(Date.parse(String(first.time)) - Date.now()) < 60_000);
    assert.match(String(first.requestId), /^[0-9a-f]{32}$/);
    for (const part of ['duration', 'duration.head', 'duration.queue', 'duration.connect', 'duration.firstByte'])
      assert.ok(Number(first[part]) >= 0 && Number(first[part]) <= Number(first.duration), part);
    assert.equal(all[5]!['http.request.method'], '_OTHER');
    assert.equal(all[5]!['http.request.method_original'], 'BREW');
    assert.match(String(all[6]!['url.path']), /^\/p{4095}…$/, 'a long path is cut, and says so');
    assert.equal(all[10]!.listener, 'raw');
    assert.ok(Number(all[10]!['http.request.size']) > 0, 'a raw connection counts its bytes');
    assert.ok(!read(file('all.json')).includes('c2VjcmV0'), 'credentials are not logged');

    const combined = linesOf(file('combined.log'));
    assert.equal(combined.length, 11);
    assert.match(
      combined[0]!,
      /^127\.0\.0\.1 - - \[\d\d\/[A-Z][a-z]{2}\/\d{4}:\d\d:\d\d:\d\d \+0000\] "GET \/good\/a\?b=c HTTP\/1\.1" 200 \d+ "-" "it"$/,
    );
    const template = linesOf(file('template.log'));
    assert.equal(template[0], `200 - good 1 "/good/a" a\\x22b, c - $\{x}`);
    assert.equal(template[3], `404 NO_ROUTE - 0 "/none" - - $\{x}`);
    assert.equal(statSync(file('template.log')).mode & 0o777, 0o600);
    const statuses = (name: string): unknown[] => jsonOf(file(name)).map((line) => line['http.response.status_code']);
    assert.deepEqual(statuses('bad.json'), [403, 404, 400, 414, 431, 408]);
    assert.deepEqual(statuses('retried.json'), [200]);
    assert.deepEqual(statuses('left.json'), [200]);
    assert.deepEqual(statuses('none.json'), []);
    assert.deepEqual(statuses('slow.json'), []);
  });

  test('what a client sends cannot break a line', async (t) => {
    const origin = await use(t, startAnswers());
    const directory = scratchDirectory();
    const [json, combined] = [join(directory, 'a.json'), join(directory, 'a.log')];
    const proxy = await useProxy(t, {
      servers: [origin.address],
      accessLog: [
        { to: { file: json }, query: true, headers: [{ name: 'X-A' }] },
        { format: 'combined', to: { file: combined } },
      ],
    });
    const nasty = ['"', '\\', '"}', '\t', '<script>', '\xff\xfe', '\xc3\xa9', '\x85', '%22', "'", 'é'];
    for (const text of nasty) {
      const request = get(
        `/x?${text.replace(/[^\x21-\x7e]/g, '')}`,
        `User-Agent: ${text}`,
        `Referer: ${text}`,
        `X-A: ${text}`,
      );
      const client = await WireClient.connect(proxy.place);
      client.socket.write(Buffer.from(request, 'latin1'));
      await client.until('an answer', () => client.received.includes('\r\n\r\n') || undefined);
      client.close();
    }
    await until(combined, nasty.length);
    await until(json, nasty.length);
    assert.equal(jsonOf(json).length, nasty.length, 'each line is an object');
    for (const line of linesOf(combined))
      assert.match(line, /^[0-9.]+ - - \[[^\]]+\] "[^"]*" \d+ \d+ "[^"]*" "[^"]*"$/);
  });

  test('files are opened anew on SIGUSR1, and a reload moves logs without losing a line', async (t) => {
    const origin = await use(t, startAnswers());
    const directory = scratchDirectory();
    const [before, rotated, after] = ['a.json', 'a.json.1', 'b.json'].map((name) => join(directory, name)) as [
      string,
      string,
      string,
    ];
    const spec = { servers: [origin.address], accessLog: [{ to: { file: before } }] };
    const proxy = await useProxy(t, spec);
    const client = await WireClient.connect(proxy.place);
    const askTimes = async (count: number): Promise<void> => {
      for (let i = 0; i < count; i++) assert.equal(statusOf(await client.exchange(get())), 200);
    };
    await askTimes(5);
    await until(before, 5);
    renameSync(before, rotated);
    await askTimes(5);
    proxy.process.kill('SIGUSR1');
    await proxy.process.until('the files anew', () => /opened anew/.test(proxy.process.stdout) || undefined);
    await askTimes(5);
    await until(before, 5);
    assert.equal(linesOf(rotated).length, 10, 'until then lines go to the file that was moved');
    await proxy.reload({ ...spec, accessLog: [{ to: { file: after } }] });
    await askTimes(5);
    client.close();
    await proxy.stop();
    assert.deepEqual(
      [rotated, before, after].map((file) => linesOf(file).length),
      [10, 5, 5],
    );
  });

  test('a log that cannot be opened keeps the service from starting, and a reload from being applied', async (t) => {
    const origin = await use(t, startAnswers());
    const directory = scratchDirectory();
    const bad = { servers: [origin.address], accessLog: [{ to: { file: join(directory, 'no', 'such.log') } }] };
    const config = join(directory, 'bad.yaml');
    writeFileSync(config, JSON.stringify(documentOf(bad, [freePlace()])));
    const child = new Child(process.execPath, [MAIN, 'run', '-c', config, '--workers', '1']);
    const exit = await child.exited();
    assert.equal(exit.code, 2);
    assert.match(exit.stderr, /cannot open an access log: ENOENT.*such\.log/);

    const proxy = await useLoud(t, { servers: [origin.address] });
    writeFileSync(proxy.file!, JSON.stringify(documentOf(bad, proxy.listeners)));
    proxy.process.kill('SIGHUP');
    await proxy.process.until('the refusal', () => /was not reloaded/.test(proxy.process.stderr) || undefined);
    assert.equal(statusOf(await ask(proxy.place, get())), 200);
  });

  test('a pipe that is not read and a disk that is full stop no request, and lines lost are counted', async (t) => {
    const origin = await use(t, startAnswers());
    const directory = scratchDirectory();
    const pipe = join(directory, 'pipe');
    execFileSync('mkfifo', [pipe]);
    // It has a reader, which reads nothing.
    const reader = openSync(pipe, constants.O_RDONLY | constants.O_NONBLOCK);
    t.after(() => closeSync(reader));
    const proxy = await useLoud(t, {
      servers: [origin.address],
      accessLog: [{ to: { file: pipe } }, { to: { file: '/dev/full' } }],
    });
    const client = await WireClient.connect(proxy.place);
    for (let i = 0; i < 300; i++) assert.equal(statusOf(await client.exchange(get())), 200);
    client.close();
    await proxy.process.until(
      'word of it',
      () => /\/dev\/full cannot be written \(ENOSPC\)/.test(proxy.process.stderr) || undefined,
    );
    const { destinations } = await proxy.accessLogs();
    const [toPipe, toFull] = destinations as [(typeof destinations)[0], (typeof destinations)[0]];
    assert.deepEqual([toPipe.written, toPipe.dropped], [300, 0], 'what the pipe does not take waits');
    assert.deepEqual([toFull.written, toFull.dropped], [0, 300]);
    // Once it is read, all of it comes, whole.
    let text = '';
    const bytes = Buffer.alloc(65_536);
    const deadline = Date.now() + 10_000;
    while (text.split('\n').length <= 300 && Date.now() < deadline) {
      try {
        text += bytes.toString('utf8', 0, readSync(reader, bytes));
      } catch {
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
    }
    const lines = text.split('\n').slice(0, -1);
    assert.equal(lines.length, 300);
    for (const line of lines) JSON.parse(line);
  });

  test('a syslog gets a message of RFC 5424 for each line, and may come late', async (t) => {
    const origin = await use(t, startAnswers());
    const udp = createSocket('udp4');
    t.after(() => udp.close());
    const messages: string[] = [];
    udp.on('message', (message) => messages.push(message.toString('utf8')));
    await new Promise<void>((resolve) => udp.bind(0, '127.0.0.1', resolve));
    const socket = join(scratchDirectory(), 'log');
    const proxy = await useLoud(t, {
      servers: [origin.address],
      accessLog: [
        { format: 'combined', to: { syslog: { address: `udp:127.0.0.1:${udp.address().port}`, severity: 'notice' } } },
        { to: { syslog: { address: `unix:${socket}`, facility: 'local0', appName: 'edge' } } },
      ],
    });
    assert.equal(statusOf(await ask(proxy.place, get('/a', 'User-Agent: x'))), 200);
    await proxy.process.until(
      'word of the socket',
      () => /cannot be written \(ENOENT\)/.test(proxy.process.stderr) || undefined,
    );
    // Python has unix datagram sockets, Node has not.
    const program =
      'import socket,sys\ns=socket.socket(socket.AF_UNIX,socket.SOCK_DGRAM)\ns.bind(sys.argv[1])\nprint("bound",flush=True)\nwhile True: print(s.recv(65536).decode(),flush=True)';
    const server = spawn('python3', ['-c', program, socket], { stdio: ['ignore', 'pipe', 'ignore'] });
    t.after(() => server.kill('SIGKILL'));
    let received = '';
    server.stdout.on('data', (data) => {
      received += String(data);
    });
    const deadline = Date.now() + 15_000;
    while (!received.includes('/late') && Date.now() < deadline) {
      assert.equal(statusOf(await ask(proxy.place, get('/late'))), 200);
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
    const head = /^<134>1 \d{4}-\d\d-\d\dT[\d:.]{12}Z \S+ edge \d+ access - (\{.*\})$/m.exec(received);
    assert.ok(head !== null, received);
    assert.equal(JSON.parse(head[1]!)['url.path'], '/late');
    assert.match(
      messages[0]!,
      /^<189>1 \S+ \S+ sevenfold \d+ access - 127\.0\.0\.1 - - .* "GET \/a HTTP\/1\.1" 200 \d+ "-" "x"$/,
    );
  });

  test('the log thread may die: traffic goes on, and so does the log', async (t) => {
    const origin = await use(t, startAnswers());
    const directory = scratchDirectory();
    const [place, deaths, file] = [freePlace(), join(directory, 'deaths'), join(directory, 'a.json')];
    const config = join(directory, 'proxy.yaml');
    writeFileSync(deaths, '');
    writeFileSync(
      config,
      JSON.stringify(documentOf({ servers: [origin.address], accessLog: [{ to: { file } }] }, [place])),
    );
    const child = new Child(process.execPath, [MAIN, 'run', '-c', config, '--workers', '1'], {
      NODE_OPTIONS: `--import=${new URL('../support/dies-on-demand.mjs', import.meta.url).href}`,
      SEVENFOLD_DIES_FILE: deaths,
    });
    t.after(() => child.kill('SIGKILL'));
    await child.until('readiness', () => /sevenfold ready/.test(child.stdout) || undefined);
    const proxy = new RunningProxy(child, [place]);
    const client = await WireClient.connect(place);
    for (let i = 0; i < 20; i++) assert.equal(statusOf(await client.exchange(get())), 200);
    await until(file, 20);
    // The worker is thread 1.
    writeFileSync(deaths, '2 throw\n');
    await child.until('word of its death', () => /writes access logs died/.test(child.stderr) || undefined);
    for (let i = 0; i < 20; i++) assert.equal(statusOf(await client.exchange(get())), 200);
    await until(file, 40);
    assert.equal((await proxy.accessLogs()).deaths, 1);
    client.close();
    assert.equal(jsonOf(file).at(-1)!.pool, 'main');
    child.kill('SIGTERM');
    await child.exited();
    assert.equal(linesOf(file).length, 40);
  });

  test('standard output, TLS, and the lines of a drain', async (t) => {
    const origin = await use(t, startAnswers());
    const identity = makeIdentity({ names: ['site.example'] });
    const proxy = await useProxy(t, {
      servers: [origin.address],
      listeners: [{ protocol: 'https', http2: true, tls: { certificates: [identity.files] } }],
      accessLog: [{ to: { stdout: true } }],
    });
    const answer = await ask(proxy.place, get('/tls'), identity.client);
    assert.equal(statusOf(answer), 200);
    assert.equal(await askHttp2(proxy.url.replace('http:', 'https:'), identity.client), 200);
    const { stdout } = await proxy.stop();
    const line = stdout.split('\n').find((text) => text.includes('/tls'));
    assert.ok(line !== undefined, 'what was recorded is written as the process ends');
    const fields = JSON.parse(line) as Line;
    assert.match(String(fields['tls.protocol.version']), /^TLSv1\.[23]$/);
    assert.match(String(fields['tls.cipher']), /^TLS_/);
    assert.equal(fields['tls.client.server_name'], 'site.example');
    assert.equal(fields['tls.resumed'], false);
    assert.equal(fields['url.scheme'], 'https');
    const second = JSON.parse(stdout.split('\n').find((text) => text.includes('/over-http2'))!) as Line;
    assert.equal(second['network.protocol.version'], '2');
    assert.equal(second['http.request.method'], 'POST');
    assert.equal(second['server.address'], 'site.example');
    assert.equal(second['server.port'], 8443);
    assert.equal(second['user_agent.original'], 'two');
    assert.equal(second['http.response.status_code'], 200);
    assert.equal(second.connection, 2);
    assert.ok(Number(second['http.request.size']) > 1000 && Number(second['http.response.size']) > 0);
  });
});
