// HTTP/2 toward clients, by real clients and by single frames: requests and responses, flow control, and how streams end.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { type ClientHttp2Session, type ClientHttp2Stream, connect, type IncomingHttpHeaders } from 'node:http2';
import { after, before, test } from 'node:test';
import { type Echo, type JsonEcho, start as startEcho } from '../origins/json-echo.js';
import { ok, type RawOrigin, serveRequests, type Visit } from '../origins/raw.js';
import { block, FLAG, FrameClient, frame, get, PREFACE, request, TYPE, word } from '../support/frame-client.js';
import { makeIdentity } from '../support/identity.js';
import { fieldValue } from '../support/messages.js';
import { run } from '../support/programs.js';
import { describeProduct, type RunningProxy, startProxy } from '../support/proxy.js';
import { secure } from '../support/secure.js';
import { ask } from '../support/wire-client.js';

const NO_ERROR = 0;
const PROTOCOL_ERROR = 1;
const INTERNAL_ERROR = 2;
const FLOW_CONTROL_ERROR = 3;
const STREAM_CLOSED = 5;
const REFUSED_STREAM = 7;
const CANCEL = 8;

const MIB = 1_048_576;
const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

/** Connections with requests that the odd server does not answer, in their order. */
const unanswered: Visit[] = [];

/** What each path of the odd server does. */
function startOdd(): Promise<RawOrigin> {
  return serveRequests((message, visit) => {
    const { socket } = visit;
    switch (message.startLine.split(' ')[1]) {
      case '/odd/204':
        socket.write('HTTP/1.1 204 No Content\r\nConnection: keep-alive\r\n\r\n');
        break;
      case '/odd/head':
        socket.write('HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n');
        break;
      case '/odd/304':
        socket.write('HTTP/1.1 304 Not Modified\r\nContent-Length: 10\r\nETag: "a"\r\n\r\n');
        break;
      case '/odd/103':
        socket.write(`HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n${ok('after 103')}`);
        break;
      case '/odd/trailers':
        socket.write(
          'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nKeep-Alive: timeout=5\r\nX-Hop: 1\r\nConnection: x-hop\r\n\r\n' +
            '5\r\nhello\r\n0\r\nX-Sum: abc\r\nContent-Length: 5\r\n\r\n',
        );
        break;
      case '/odd/until-end':
        socket.end('HTTP/1.1 200 OK\r\n\r\nall of it');
        break;
      case '/odd/dies-before':
        socket.resetAndDestroy();
        break;
      case '/odd/dies-in-head':
        socket.write('HTTP/1.1 200 OK\r\nX-Half:', () => socket.resetAndDestroy());
        break;
      case '/odd/dies-in-body':
        socket.write('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf', () => socket.resetAndDestroy());
        break;
      case '/odd/never':
        unanswered.push(visit);
        break;
      default:
        socket.write(ok(message.body));
    }
  });
}

interface Answer {
  readonly headers: IncomingHttpHeaders & { ':status'?: number };
  readonly interim: readonly (IncomingHttpHeaders & { ':status'?: number })[];
  readonly trailers: IncomingHttpHeaders | undefined;
  readonly body: Buffer;
}

/** Resolves with all of an answer; rejects with the error of a reset. */
async function answerOf(stream: ClientHttp2Stream): Promise<Answer> {
  const interim: IncomingHttpHeaders[] = [];
  let headers: IncomingHttpHeaders | undefined;
  let trailers: IncomingHttpHeaders | undefined;
  const pieces: Buffer[] = [];
  stream.on('headers', (fields) => interim.push(fields));
  stream.on('response', (fields) => {
    headers = fields;
  });
  stream.on('trailers', (fields) => {
    trailers = fields;
  });
  stream.on('data', (piece: Buffer) => pieces.push(piece));
  stream.on('error', () => {}); // said by the code below
  await new Promise((resolve) => stream.once('close', resolve));
  if (stream.rstCode !== 0) throw new Error(`reset with ${stream.rstCode}`);
  return { headers: headers!, interim, trailers, body: Buffer.concat(pieces) };
}

const echoed = ({ body }: Answer): Echo => JSON.parse(body.toString()) as Echo;

describeProduct('HTTP/2', () => {
  let echo: JsonEcho;
  let odd: RawOrigin;
  let proxy: RunningProxy;
  let client: ClientHttp2Session;
  const identity = makeIdentity({ names: ['localhost', 'other.example', '127.0.0.1'] });

  before(async () => {
    echo = await startEcho();
    odd = await startOdd();
    const tls = { certificates: [{ ...identity.files }] };
    proxy = await startProxy({
      listeners: [
        { http2: true },
        { protocol: 'https', tls, http2: true },
        { protocol: 'https', tls, http2: false },
        {},
      ],
      routes: [
        { rules: [{ matches: [{ path: { value: '/odd/' } }], pool: 'odd' }] },
        { rules: [{ matches: [{ path: { value: '/' } }], pool: 'echo' }] },
      ],
      pools: { echo: { servers: [{ address: echo.address }] }, odd: { servers: [{ address: odd.address }] } },
      timeouts: { responseIdle: '400ms', requestHead: '800ms', idle: '600ms' },
    });
    client = connect(proxy.url);
    client.on('error', () => {});
  });

  after(async () => {
    client.destroy();
    await proxy.stop();
    await Promise.all([echo.close(), odd.close()]);
  });

  /** The session, opened anew where the one before was closed for idleness. */
  function session(): ClientHttp2Session {
    if (client.closed || client.destroyed) {
      client = connect(proxy.url);
      client.on('error', () => {});
    }
    return client;
  }

  const fetch = (headers: Record<string, string>, body?: Buffer): Promise<Answer> => {
    const stream = session().request(headers, { endStream: body === undefined });
    if (body !== undefined) stream.end(body);
    return answerOf(stream);
  };

  async function settled(): Promise<void> {
    await proxy.checkInvariants();
  }

  test('a GET goes to the server as HTTP/1.1, with the fields of a proxy', async () => {
    const answer = await fetch({ ':path': '/a?b=c', 'user-agent': 'test', cookie: 'a=1' });
    assert.equal(answer.headers[':status'], 200);
    const { method, url, headers, httpVersion } = echoed(answer);
    assert.deepEqual([method, url, httpVersion], ['GET', '/a?b=c', '1.1']);
    assert.equal(headers.host, `${proxy.place.host}:${proxy.place.port}`);
    assert.equal(headers['x-forwarded-proto'], 'http');
    assert.equal(headers['x-forwarded-for'], '127.0.0.1');
    assert.equal(headers.cookie, 'a=1');
    assert.equal(headers['transfer-encoding'], undefined);
    assert.ok(answer.headers.date);
    assert.equal(answer.headers['transfer-encoding'], undefined);
    assert.equal(answer.headers.connection, undefined);
    await settled();
  });

  test('bodies go both ways, with a length and without one', async () => {
    const body = Buffer.alloc(MIB, 'abcdefghij');
    for (const length of [{ 'content-length': String(MIB) }, {}]) {
      const { bodyBytes, bodySha256, headers } = echoed(
        await fetch({ ':method': 'POST', ':path': '/up', ...length }, body),
      );
      assert.deepEqual([bodyBytes, bodySha256], [MIB, sha256(body)]);
      assert.equal(headers['transfer-encoding'], 'content-length' in length ? undefined : 'chunked');
    }
    for (const method of ['POST', 'PUT', 'PATCH', 'DELETE']) {
      const { headers } = echoed(await fetch({ ':method': method, ':path': '/none' }));
      assert.equal(headers['content-length'], method === 'DELETE' ? undefined : '0', method);
    }
    const stream = session().request({ ':method': 'POST', ':path': '/odd/body' });
    stream.end(body);
    const answer = await answerOf(stream);
    assert.equal(sha256(answer.body), sha256(body));
    await settled();
  });

  test('1 MiB goes both ways through a window of 1,000 bytes', async () => {
    const narrow = connect(proxy.url, { settings: { initialWindowSize: 1000 } });
    const stream = narrow.request({ ':method': 'POST', ':path': '/odd/body', 'content-length': String(MIB) });
    const body = Buffer.alloc(MIB, 'klmnopqrst');
    stream.end(body);
    const answer = await answerOf(stream);
    narrow.close();
    assert.equal(sha256(answer.body), sha256(body));
    await settled();
  });

  test('answers without a body end with their head', async () => {
    const head = await fetch({ ':method': 'HEAD', ':path': '/odd/head' });
    assert.deepEqual([head.headers[':status'], head.headers['content-length'], head.body.length], [200, '7', 0]);
    const none = await fetch({ ':path': '/odd/204' });
    assert.deepEqual([none.headers[':status'], none.headers['content-length']], [204, undefined]);
    const same = await fetch({ ':path': '/odd/304' });
    assert.deepEqual([same.headers[':status'], same.headers.etag], [304, '"a"']);
    await settled();
  });

  test('trailers go both ways, but for those that may not', async () => {
    const answer = await fetch({ ':path': '/odd/trailers' });
    assert.equal(answer.body.toString(), 'hello');
    assert.deepEqual(Object.entries(answer.trailers!), [['x-sum', 'abc']]);
    assert.equal(answer.headers['x-hop'], undefined);
    assert.equal(answer.headers['keep-alive'], undefined);
    const stream = session().request({ ':method': 'POST', ':path': '/' }, { waitForTrailers: true } as object);
    stream.on('wantTrailers', () => stream.sendTrailers({ 'x-check': 'yes', host: 'evil.example' }));
    stream.end('abc');
    const { trailers, bodyBytes } = echoed(await answerOf(stream));
    assert.deepEqual([trailers, bodyBytes], [{ 'x-check': 'yes' }, 3]);
    await settled();
  });

  test('interim responses arrive before the final one', async () => {
    const { interim, body } = await fetch({ ':path': '/odd/103' });
    assert.deepEqual(
      interim.map((fields) => [fields[':status'], fields.link]),
      [[103, '</a.css>']],
    );
    assert.equal(body.toString(), 'after 103');
  });

  test('a body that ends with its connection ends the stream', async () => {
    assert.equal((await fetch({ ':path': '/odd/until-end' })).body.toString(), 'all of it');
  });

  test('a server that dies before its head makes a 502, one that dies in its body a reset', async () => {
    assert.equal(
      (await fetch({ ':method': 'POST', ':path': '/odd/dies-before' }, Buffer.from('x'))).headers[':status'],
      502,
    );
    assert.equal(
      (await fetch({ ':method': 'POST', ':path': '/odd/dies-in-head' }, Buffer.from('x'))).headers[':status'],
      502,
    );
    await assert.rejects(fetch({ ':path': '/odd/dies-in-body' }), new RegExp(`reset with ${INTERNAL_ERROR}`));
    assert.equal((await fetch({ ':path': '/still' })).headers[':status'], 200, 'other streams go on');
    await settled();
  });

  test('100 streams at once have different fates, and each its own', async () => {
    const before = unanswered.length;
    const asked = odd.until('all that are cancelled', () => (unanswered.length >= before + 20 ? true : undefined));
    const fates = Array.from({ length: 100 }, (_, i) => {
      switch (i % 5) {
        case 0:
          return fetch({ ':path': `/n${i}` }).then((answer) => echoed(answer).url);
        case 1:
          return fetch({ ':method': 'POST', ':path': `/n${i}` }, Buffer.alloc(i * 1000, 'x')).then(
            (answer) => `${echoed(answer).url} ${echoed(answer).bodyBytes}`,
          );
        case 2:
          return fetch({ ':path': '/odd/dies-in-body' }).catch((error: Error) => error.message);
        case 3: {
          const stream = session().request({ ':path': '/odd/never' });
          stream.on('error', () => {});
          void asked.then(() => stream.close(CANCEL));
          return once(stream, 'close').then(() => `cancelled ${stream.rstCode}`);
        }
        default:
          return fetch({ ':path': '/odd/trailers' }).then(({ trailers }) => String(trailers?.['x-sum']));
      }
    });
    const found = await Promise.all(fates);
    const expected = (i: number): string =>
      [`/n${i}`, `/n${i} ${i * 1000}`, `reset with ${INTERNAL_ERROR}`, `cancelled ${CANCEL}`, 'abc'][i % 5]!;
    assert.deepEqual(
      found,
      found.map((_, i) => expected(i)),
    );
    await odd.until('no request is left at the server', () => unanswered.every(({ closed }) => closed));
    await settled();
  });

  test('a stream that the client resets ends at the server too', async () => {
    const before = unanswered.length;
    const stream = session().request({ ':path': '/odd/never' });
    stream.on('error', () => {});
    const visit = await odd.until('the request', () => unanswered[before]);
    stream.close(CANCEL);
    await odd.until('its connection closed', () => visit.closed);
    assert.ok((await proxy.reasonCount('CLIENT_LEFT')) > 0);
    await settled();
  });

  test('HTTP/1 is spoken on the same listener, and a wish to upgrade to h2c is not followed', async () => {
    const plain = await ask(
      proxy.place,
      'GET /one HTTP/1.1\r\nHost: test.example\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n\r\n',
    );
    assert.match(plain.startLine, /^HTTP\/1\.1 200 /);
    assert.equal((JSON.parse(plain.body) as Echo).headers.upgrade, undefined);
    assert.match((await ask(proxy.place, 'PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n')).startLine, / 200 /);
    const refused = await FrameClient.connect(proxy.listeners[3]!);
    await refused.until('the end', () => refused.closed || undefined);
    assert.equal(refused.frames.length, 0, 'without http2: true it is not spoken');
  });

  test('with TLS, the client and the listener agree by ALPN', async () => {
    const { ca } = identity.client;
    const agreed = async (place: typeof proxy.place, offers: string[]): Promise<string | false | null> => {
      const socket = await secure(place, { ca, servername: 'localhost', ALPNProtocols: offers });
      socket.destroy();
      return socket.alpnProtocol;
    };
    assert.equal(await agreed(proxy.listeners[1]!, ['h2', 'http/1.1']), 'h2');
    assert.equal(await agreed(proxy.listeners[1]!, ['http/1.1']), 'http/1.1');
    assert.equal(await agreed(proxy.listeners[2]!, ['h2', 'http/1.1']), 'http/1.1');
    const secured = connect(`https://localhost:${proxy.listeners[1]!.port}`, {
      ca,
      host: proxy.listeners[1]!.host,
      servername: 'localhost',
    });
    const { headers } = echoed(await answerOf(secured.request({ ':path': '/' })));
    secured.close();
    assert.equal(headers['x-forwarded-proto'], 'https');
  });

  test('over TLS, a request for a host that the certificate does not name gets 421', async () => {
    const frames = await FrameClient.connect(proxy.listeners[1]!, {
      tls: { ...identity.client, servername: 'localhost' },
    });
    const asking = (id: number, host: string): Buffer =>
      frame(
        TYPE.HEADERS,
        FLAG.END_HEADERS | FLAG.END_STREAM,
        id,
        block([
          [':method', 'GET'],
          [':scheme', 'https'],
          [':path', '/'],
          [':authority', host],
        ]),
      );
    frames.send(
      asking(1, 'LOCALHOST:8443'),
      asking(3, 'other.example'),
      asking(5, 'evil.example'),
      asking(7, '127.0.0.2'),
    );
    const statuses = [];
    for (const id of [1, 3, 5, 7]) statuses.push((await frames.outcome(id)).status);
    assert.deepEqual(statuses, [200, 200, 421, 421]);
    frames.close();
    const unnamed = await FrameClient.connect(proxy.listeners[1]!, {
      tls: { rejectUnauthorized: false, servername: '' },
    });
    unnamed.send(asking(1, '192.0.2.1'), asking(3, 'evil.example'));
    assert.equal((await unnamed.outcome(1)).status, 200, 'no handshake can name an address');
    assert.equal((await unnamed.outcome(3)).status, 421);
    unnamed.close();
  });

  test('curl speaks it, by prior knowledge and by ALPN', async (t) => {
    let version = '';
    try {
      version = await run('curl', ['--version']);
    } catch {
      // said below
    }
    if (!version.includes('HTTP2')) return t.skip('no curl with HTTP/2 here');
    const told = ['-s', '-w', '\n%{http_version} %{http_code}'];
    assert.match(await run('curl', [...told, '--http2-prior-knowledge', `${proxy.url}/c`]), /\n2 200\s*$/);
    const there = `https://localhost:${proxy.listeners[1]!.port}/c`;
    const to = ['--connect-to', `localhost::${proxy.listeners[1]!.host}:`];
    assert.match(await run('curl', [...told, '-k', '--http2', ...to, there]), /\n2 200\s*$/);
  });

  test('requests of our own answers: unknown methods, CONNECT, a method that is none', async () => {
    const frames = await FrameClient.connect(proxy.place);
    frames.send(
      frame(TYPE.HEADERS, FLAG.END_HEADERS | FLAG.END_STREAM, 1, request('BREW', '/')),
      frame(
        TYPE.HEADERS,
        FLAG.END_HEADERS,
        3,
        block([
          [':method', 'CONNECT'],
          [':authority', 'a.example:1'],
        ]),
      ),
      frame(TYPE.HEADERS, FLAG.END_HEADERS | FLAG.END_STREAM, 5, request('G T', '/')),
    );
    assert.equal((await frames.outcome(1)).status, 501);
    assert.equal((await frames.outcome(3)).status, 405);
    assert.deepEqual(await frames.outcome(5), { reset: PROTOCOL_ERROR, body: '' });
    frames.close();
  });

  test('content-length is held against DATA, and the server gets no more of it', async () => {
    const counted = (stream: number, length: string): Buffer =>
      frame(TYPE.HEADERS, FLAG.END_HEADERS, stream, request('POST', '/odd/body', ['content-length', length]));
    const data = (stream: number, flags: number, text: string): Buffer =>
      frame(TYPE.DATA, flags, stream, Buffer.from(text));
    const frames = await FrameClient.connect(proxy.place);
    frames.send(counted(1, '3'), data(1, FLAG.END_STREAM, 'four'));
    assert.deepEqual(await frames.outcome(1), { reset: PROTOCOL_ERROR, body: '' });
    frames.send(counted(3, '5'), data(3, FLAG.END_STREAM, 'four'));
    assert.deepEqual(await frames.outcome(3), { reset: PROTOCOL_ERROR, body: '' });
    frames.send(counted(5, '4'), data(5, 0, 'four'), data(5, FLAG.END_STREAM, ''));
    assert.deepEqual(await frames.outcome(5), { status: 200, body: 'four' });
    frames.close();
    await settled();
  });

  test('frames may come cut at every byte', async () => {
    const fields = request('POST', '/odd/body', ['x-long', 'y'.repeat(40)]);
    const padded = Buffer.concat([Buffer.from([3]), Buffer.from('hello'), Buffer.alloc(3)]);
    const all = Buffer.concat([
      PREFACE,
      frame(TYPE.SETTINGS, 0, 0, Buffer.from([0, 4, 0, 0, 255, 255])),
      frame(TYPE.HEADERS, 0, 1, fields.subarray(0, 20)),
      frame(TYPE.CONTINUATION, FLAG.END_HEADERS, 1, fields.subarray(20)),
      frame(TYPE.DATA, FLAG.PADDED, 1, padded),
      frame(TYPE.PING, 0, 0, Buffer.alloc(8, 'p')),
      frame(TYPE.DATA, FLAG.END_STREAM, 1, Buffer.from(' world')),
    ]);
    for (let cut = 1; cut < all.length; cut++) {
      const frames = await FrameClient.connect(proxy.place, { begin: false });
      frames.send(all.subarray(0, cut));
      await new Promise((resolve) => setImmediate(resolve));
      frames.send(all.subarray(cut));
      assert.deepEqual(await frames.outcome(1), { status: 200, body: 'hello world' }, `cut at ${cut}`);
      frames.close();
    }
    const bytes = await FrameClient.connect(proxy.place, { begin: false });
    for (const byte of all) {
      bytes.send(Buffer.from([byte]));
      await new Promise((resolve) => setImmediate(resolve));
    }
    assert.deepEqual(await bytes.outcome(1), { status: 200, body: 'hello world' });
    bytes.close();
    await settled();
  });

  test('more streams than allowed are refused, and may be sent again', async () => {
    const frames = await FrameClient.connect(proxy.place);
    const ids = Array.from({ length: 101 }, (_, i) => 2 * i + 1);
    frames.send(...ids.map((id) => get(id, '/odd/never')));
    assert.deepEqual(await frames.outcome(201), { reset: REFUSED_STREAM, body: '' });
    frames.send(frame(TYPE.RST_STREAM, 0, 1, word(CANCEL)), get(203, '/'));
    assert.equal((await frames.outcome(203)).status, 200);
    frames.close();
    await odd.until('all ended', () => unanswered.every(({ closed }) => closed));
    await settled();
  });

  test('a window that the client overruns ends the stream or the connection', async () => {
    const frames = await FrameClient.connect(proxy.place);
    const post = (stream: number): Buffer =>
      frame(TYPE.HEADERS, FLAG.END_HEADERS, stream, request('POST', '/odd/never'));
    frames.send(post(1), ...Array.from({ length: 5 }, () => frame(TYPE.DATA, 0, 1, Buffer.alloc(16_384))));
    const ended = await frames.until(
      'an end, or more window',
      () => frames.frameOf(TYPE.RST_STREAM, 1) ?? frames.frameOf(TYPE.WINDOW_UPDATE, 1),
    );
    if (ended.type === TYPE.RST_STREAM) assert.equal(ended.payload.readUInt32BE(0), FLOW_CONTROL_ERROR);
    frames.send(post(3), frame(TYPE.WINDOW_UPDATE, 0, 3, word(0x7fffffff)));
    assert.equal((await frames.outcome(3)).reset, FLOW_CONTROL_ERROR);
    frames.send(frame(TYPE.WINDOW_UPDATE, 0, 0, word(0x7fffffff)));
    assert.equal(await frames.goAway(), FLOW_CONTROL_ERROR);
    await settled();
  });

  test('DATA on a stream that the client has ended is an error of the stream', async () => {
    const frames = await FrameClient.connect(proxy.place);
    frames.send(get(1, '/odd/never'), frame(TYPE.DATA, 0, 1, Buffer.from('more')));
    assert.equal((await frames.outcome(1)).reset, STREAM_CLOSED);
    frames.close();
  });

  test('a client that opens no window, or a byte at a time, is not served for ever', async () => {
    const frames = await FrameClient.connect(proxy.place, { begin: false });
    frames.send(PREFACE, frame(TYPE.SETTINGS, 0, 0, Buffer.from([0, 4, 0, 0, 0, 0])), get(1, '/'));
    const creeping = setInterval(() => frames.send(frame(TYPE.WINDOW_UPDATE, 0, 1, word(1))), 50);
    const { reset } = await frames.outcome(1);
    clearInterval(creeping);
    assert.equal(reset, CANCEL);
    frames.close();
    await settled();
  });

  test('a header block that does not end in time ends the connection', async () => {
    const frames = await FrameClient.connect(proxy.place);
    frames.send(frame(TYPE.HEADERS, FLAG.END_STREAM, 1, request('GET', '/')));
    await frames.until('the end', () => frames.closed || undefined);
    assert.ok((await proxy.reasonCount('HEAD_TIMEOUT')) > 0);
  });

  test('an idle connection ends with GOAWAY, a new one that asks for nothing too', async () => {
    const frames = await FrameClient.connect(proxy.place);
    assert.equal(await frames.goAway(), NO_ERROR);
    await frames.until('the end', () => frames.closed || undefined);
    const used = await FrameClient.connect(proxy.place);
    used.send(get(1, '/'));
    assert.equal((await used.outcome(1)).status, 200);
    assert.equal(await used.goAway(), NO_ERROR);
    assert.equal(used.frameOf(TYPE.GOAWAY)!.payload.readUInt32BE(0), 1);
    await settled();
  });

  test('a client that ends its side is gone, and so are its requests', async () => {
    const frames = await FrameClient.connect(proxy.place);
    const before = unanswered.length;
    frames.send(get(1, '/odd/never'));
    const visit = await odd.until('the request', () => unanswered[before]);
    frames.socket.end();
    await frames.until('the end', () => frames.closed || undefined);
    await odd.until('its end', () => visit.closed);
    await settled();
  });

  test('a client whose table is none, or another one each time, gets the same fields again and again', async () => {
    const own = connect(proxy.url, { settings: { headerTableSize: 0 } });
    own.on('error', () => {});
    const fields: string[] = [];
    for (const size of [0, 4096, 4096, 200, 65_536, 0, 4096]) {
      await new Promise<void>((resolve) => own.settings({ headerTableSize: size }, () => resolve()));
      for (let i = 0; i < 3; i++) {
        const { headers } = await answerOf(own.request({ ':path': '/odd/default' }));
        const { date, ...rest } = headers;
        assert.ok(date);
        fields.push(JSON.stringify(rest));
      }
    }
    own.destroy();
    assert.equal(new Set(fields).size, 1, fields.join('\n'));
    await settled();
  });

  test('fields that responses repeat are named by their place in a table', async () => {
    const frames = await FrameClient.connect(proxy.place);
    const lengths: number[] = [];
    for (const id of [1, 3, 5]) {
      frames.send(get(id, '/odd/304'));
      await frames.outcome(id);
      lengths.push(frames.frameOf(TYPE.HEADERS, id)!.payload.length);
    }
    frames.close();
    assert.ok(lengths[0]! > 20 && lengths[2]! <= 5, lengths.join());
    await settled();
  });

  test('fields of filters, sessions and errors are as toward HTTP/1', async () => {
    const missing = await fetch({ ':path': '/odd/dies-before', accept: 'application/json' });
    assert.equal(missing.headers[':status'], 502);
    assert.equal(missing.headers['content-type'], 'application/json');
    assert.ok(missing.headers['x-request-id']);
    assert.equal(
      fieldValue({ fields: [['content-length', String(missing.headers['content-length'])]] }, 'content-length'),
      String(missing.body.length),
    );
  });
});
