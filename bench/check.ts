// The correctness check: a contestant that does the job wrongly is not timed.
// Asks small, large and posted things and compares the answers with the origin's own.
import { Agent, request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import { connect as connectHttp2 } from 'node:http2';
import { request as httpsRequest, Agent as TlsAgent } from 'node:https';
import { type ConnectionOptions, connect as connectTls } from 'node:tls';
import type { Contestant, RunningContestant } from './contestants/contestant.js';
import type { Origin } from './origins.js';
import { nodeOffer, TLS_OFFER } from './tls-offer.js';

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** What the check found, each in one sentence: `wrong` keeps a contestant out, `remark` goes into the report. */
export interface Finding {
  readonly wrong?: string;
  readonly remark?: string;
}

/** Asks a contestant everything that the workloads will, and compares. */
export async function checkContestant(
  contestant: Contestant,
  running: RunningContestant,
  origin: Origin,
): Promise<Finding> {
  const agent =
    contestant.scheme === 'https'
      ? new TlsAgent({ keepAlive: true, maxSockets: 1, rejectUnauthorized: false })
      : new Agent({ keepAlive: true, maxSockets: 1 });
  const expected = new Agent({ keepAlive: true, maxSockets: 1 });
  try {
    for (const path of ['/small', '/64k', '/1m', '/small']) {
      const answer = await ask(agent, running, 'GET', path);
      const truth = await ask(expected, { host: '127.0.0.1', port: origin.port }, 'GET', path);
      if (answer.status !== 200) return { wrong: `GET ${path} answered ${answer.status}, expected 200` };
      if (!answer.body.equals(truth.body))
        return {
          wrong: `GET ${path} gave ${answer.body.length} bytes that differ from the origin's ${truth.body.length}`,
        };
    }
    const agreed = contestant.mode === 'https' ? await wrongTls(running) : undefined;
    if (agreed !== undefined) return { wrong: agreed };
    const overHttp2 = contestant.http2 === true ? await wrongHttp2(running, origin) : undefined;
    if (overHttp2 !== undefined) return { wrong: overHttp2 };
    const posted = await ask(agent, running, 'POST', '/post', Buffer.alloc(4096, 'x'));
    if (posted.status !== 200) return { wrong: `POST /post answered ${posted.status}, expected 200` };
    const echo = await ask(agent, running, 'GET', '/echo');
    const seen = echo.body.toString('latin1');
    const wrong =
      wrongHeaders(contestant, seen) ?? (contestant.mode === 'l7-rules' ? missingEdits(seen, echo.headers) : undefined);
    if (wrong !== undefined) return { wrong };
    if (contestant.mode !== 'l7-rules' || echo.headers['set-cookie'] !== undefined) return {};
    return { remark: 'measured without stickiness: its answers set no cookie, though its configuration asks for one' };
  } catch (error) {
    return { wrong: `a request failed: ${error instanceof Error ? error.message : String(error)}` };
  } finally {
    agent.destroy();
    expected.destroy();
  }
}

/** Each kind of certificate must be shown to who asks for it, under the offer that all keep to, and be resumed. */
async function wrongTls({ host, port }: RunningContestant): Promise<string | undefined> {
  for (const key of ['ecdsa', 'rsa'] as const) {
    let session: Buffer | undefined;
    for (const resumed of [false, true]) {
      const options = { ...nodeOffer(key), host, port, servername: 'bench.example.com' };
      const found = await visitTls(session === undefined ? options : { ...options, session });
      const wanted: Omit<TlsVisit, 'session'> = {
        ...TLS_OFFER_AGREED,
        key: resumed ? 'none' : KEY_NAMES[key],
        resumed,
      };
      const wrong = wrongVisit(found, wanted);
      if (wrong !== undefined) return `${resumed ? 'resuming with' : 'for'} ${key}: ${wrong}`;
      session = found.session;
    }
  }
  return undefined;
}

/** The same small and large answers over HTTP/2, several at once. */
async function wrongHttp2({ host, port }: RunningContestant, origin: Origin): Promise<string | undefined> {
  const expected = new Agent();
  const session = connectHttp2(`https://${host}:${port}`, { ...nodeOffer(), ALPNProtocols: ['h2'] });
  session.setTimeout(5000, () => session.destroy(new Error('no answer within 5 s')));
  try {
    const failed = new Promise<never>((_, reject) => session.on('error', reject));
    for (const path of ['/small', '/64k', '/1m']) {
      const { body: truth } = await ask(expected, { host: '127.0.0.1', port: origin.port }, 'GET', path);
      const answers = Array.from({ length: 4 }, async () => {
        const request = session.request({ ':path': path, ':authority': 'bench.example.com' });
        const chunks: Buffer[] = [];
        for await (const chunk of request) chunks.push(chunk as Buffer);
        return Buffer.concat(chunks);
      });
      const bodies = await Promise.race([Promise.all(answers), failed]);
      if (!bodies.every((body) => body.equals(truth)))
        return `GET ${path} over HTTP/2 differs from the origin's answer`;
    }
    return undefined;
  } catch (error) {
    return `HTTP/2: ${error instanceof Error ? error.message : String(error)}`;
  } finally {
    session.destroy();
    expected.destroy();
  }
}

/** What one connection found out about its handshake. */
export interface TlsVisit {
  readonly version: string;
  readonly cipher: string;
  /** Type of the key in the server's certificate, in Node's words; `none` when none was shown. */
  readonly key: string;
  readonly resumed: boolean;
  readonly session: Buffer | undefined;
}

const KEY_NAMES = { ecdsa: 'ec', rsa: 'rsa' } as const;
const TLS_OFFER_AGREED = { version: TLS_OFFER.version, cipher: TLS_OFFER.cipher };

/** The first thing about a handshake that is not as wanted, in words; undefined when all is. */
export function wrongVisit(found: TlsVisit, wanted: Omit<TlsVisit, 'session'>): string | undefined {
  for (const [name, value] of Object.entries(wanted)) {
    const seen = found[name as keyof typeof wanted];
    if (seen !== value) return `the handshake's ${name} was ${String(seen)}, expected ${String(value)}`;
  }
  return found.session === undefined ? 'the server gave no session to resume' : undefined;
}

function visitTls(options: ConnectionOptions): Promise<TlsVisit> {
  return new Promise((resolve, reject) => {
    let session: Buffer | undefined;
    let seen: Omit<TlsVisit, 'session'> | undefined;
    const socket = connectTls(options, () => {
      seen = {
        version: socket.getProtocol() ?? 'none',
        cipher: socket.getCipher().name,
        key: socket.getPeerX509Certificate()?.publicKey.asymmetricKeyType ?? 'none',
        resumed: socket.isSessionReused(),
      };
      socket.write('GET /small HTTP/1.1\r\nHost: bench.example.com\r\nConnection: close\r\n\r\n');
    });
    socket.setTimeout(5000, () => socket.destroy(new Error('a TLS connection had no answer within 5 s')));
    socket.on('session', (fresh) => {
      session = fresh;
    });
    socket.on('error', reject);
    socket.on('close', () =>
      seen === undefined ? reject(new Error('closed in its handshake')) : resolve({ ...seen, session }),
    );
    socket.resume();
  });
}

/** A proxy at Layer 7 that sets no forwarded headers has an easier job than the others; one at Layer 4 must set none. */
export function wrongHeaders(contestant: Pick<Contestant, 'mode'>, echo: string): string | undefined {
  const reads = contestant.mode === 'l7' || contestant.mode === 'l7-rules' || contestant.mode === 'https';
  for (const name of ['for', 'proto', 'id', 'via']) {
    const value = new RegExp(`(?:^| )${name}=([^ ]*)`).exec(echo)?.[1] ?? '';
    if (reads && value === '')
      return `the origin saw no forwarded '${name}' header, which every Layer 7 contestant sets (${echo})`;
    if (contestant.mode === 'l4' && value !== '')
      return `the origin saw '${name}' set by a Layer 4 contestant (${echo})`;
  }
  return undefined;
}

/** The rules of rules-config.ts edit both heads: a contestant that skips them has an easier job. */
export function missingEdits(echo: string, headers: IncomingHttpHeaders): string | undefined {
  if (!/ tier=standard/.test(echo)) return `the origin saw no X-Tier header, which the matching rule sets (${echo})`;
  return headers['x-served-by'] === 'sevenfold'
    ? undefined
    : 'the answer has no X-Served-By header, which the matching rule sets';
}

function ask(
  agent: Agent,
  to: { readonly host: string; readonly port: number },
  method: string,
  path: string,
  body?: Buffer,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const headers = { host: 'bench.example.com', ...(body === undefined ? {} : { 'content-length': body.length }) };
    const send = agent instanceof TlsAgent ? httpsRequest : httpRequest;
    const request = send({ agent, host: to.host, port: to.port, method, path, headers, timeout: 5000 }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks) }),
      );
    });
    request.on('timeout', () => request.destroy(new Error(`${method} ${path} had no answer within 5 s`)));
    request.on('error', reject);
    request.end(body);
  });
}
