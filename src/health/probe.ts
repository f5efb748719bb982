// One health check of one server: an HTTP request or a TCP connect, and whether the answer is what was asked for.
// Owns the wire. Leaves when to check, and what a result means, to checker.ts and verdict.ts.

import { connect, isIP, type Socket } from 'node:net';
import { type ConnectionOptions, checkServerIdentity, connect as connectTls, type PeerCertificate } from 'node:tls';
import { type buildConnector, Client } from 'undici';
import type { ServerPlan } from '../balance/options.js';
import { hostPortText, hostText, type SocketEndpoint } from '../base/endpoint.js';
import { readNamedFile } from '../base/files.js';
import { type ProxyVersion, proxyHeaderOfOwn } from '../base/proxy-protocol.js';
import type { HealthCheckOptions, HealthCheckTls } from './options.js';

/** Bytes of a body that are looked at for `expectedBody`. */
const BODY_BYTES_MAX = 64 * 1024;

/** How a check went; `says` is one line for people, also when it passed. */
export interface CheckResult {
  passed: boolean;
  says: string;
}

/** Who is checked. */
export type CheckedServer = Pick<ServerPlan, 'endpoint' | 'host'>;

/** Makes one check. Never rejects. When `signal` aborts it ends at once as failed, for the signal's reason. */
export type Probe = (server: CheckedServer, options: HealthCheckOptions, signal: AbortSignal) => Promise<CheckResult>;

/** The real probe. Each check is a connection of its own: a server that accepts no new ones is not healthy. */
export const probe: Probe = async (server, options, signal) => {
  try {
    const target = checkedEndpoint(server, options);
    return options.type === 'tcp'
      ? await probeTcp(target, options, signal)
      : await probeHttp(target, hostOf(server, options), options, signal);
  } catch (error) {
    return { passed: false, says: signal.aborted ? String(signal.reason) : reasonOf(error) };
  }
};

/** What a check sends, for people: `GET /healthz with Host app.internal:3000`, or `a connect`. */
export function checkText(server: CheckedServer, options: HealthCheckOptions): string {
  if (options.type === 'tcp') return options.port === null ? 'a connect' : `a connect to port ${options.port}`;
  const port = options.port === null ? '' : ` to port ${options.port}`;
  return `${options.method} ${options.path} with Host ${hostOf(server, options)}${port}`;
}

/**
 * The Host field of a check: the one configured, else what a client sends who asks the server by the name the
 * configuration gives it, with the port unless it is the scheme's own (RFC 9110, section 7.2).
 */
function hostOf(server: CheckedServer, options: HealthCheckOptions): string {
  if (options.host !== null) return options.host;
  const target = checkedEndpoint(server, options);
  if (target.kind === 'unix') return 'localhost';
  const host = server.host ?? target.host;
  if (target.port === (options.tls === undefined ? 80 : 443)) return hostText(host);
  return hostPortText(host, target.port);
}

function checkedEndpoint({ endpoint }: CheckedServer, { port }: HealthCheckOptions): SocketEndpoint {
  return endpoint.kind === 'tcp' && port !== null ? { ...endpoint, port } : endpoint;
}

async function probeTcp(
  target: SocketEndpoint,
  { proxyProtocol }: HealthCheckOptions,
  signal: AbortSignal,
): Promise<CheckResult> {
  const socket = await connected(target, signal);
  // A server that waits for a header would complain of a connection without.
  if (proxyProtocol !== undefined) socket.end(proxyHeaderOfOwn(proxyProtocol), () => socket.destroy());
  // A reset leaves nothing in TIME_WAIT here, and the server need not wait for a request.
  else if (target.kind === 'tcp') socket.resetAndDestroy();
  else socket.destroy();
  return { passed: true, says: 'the connection was accepted' };
}

/** A connection of our own. It ends when `signal` aborts. */
function connected(target: SocketEndpoint, signal: AbortSignal): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(target.kind === 'unix' ? { path: target.path } : { host: target.host, port: target.port });
    const abort = () => socket.destroy(new Error('aborted'));
    signal.addEventListener('abort', abort, { once: true });
    socket.once('close', () => signal.removeEventListener('abort', abort));
    socket.on('error', reject);
    socket.once('connect', () => resolve(socket));
    if (signal.aborted) abort();
  });
}

type SecureOptions = Pick<
  ConnectionOptions,
  'servername' | 'checkServerIdentity' | 'rejectUnauthorized' | 'minVersion' | 'ca' | 'cert' | 'key'
>;

type Connected = Parameters<buildConnector.connector>[1];

/** Connects as undici would, but begins with a PROXY header without a client address. */
function connectorWithHeader(
  target: SocketEndpoint,
  version: ProxyVersion,
  secure: SecureOptions | null,
  signal: AbortSignal,
): (options: unknown, done: Connected) => void {
  return (_, done) => {
    connected(target, signal).then(
      (socket) => {
        socket.write(proxyHeaderOfOwn(version));
        if (secure === null) {
          done(null, socket);
          return;
        }
        const over = connectTls({ ...secure, socket });
        const failed = (error: Error): void => {
          socket.destroy();
          done(error, null);
        };
        over.once('error', failed);
        over.once('secureConnect', () => {
          over.off('error', failed);
          done(null, over);
        });
      },
      (error: Error) => done(error, null),
    );
  };
}

async function probeHttp(
  target: SocketEndpoint,
  host: string,
  options: HealthCheckOptions,
  signal: AbortSignal,
): Promise<CheckResult> {
  const scheme = options.tls === undefined ? 'http' : 'https';
  const secure = options.tls === undefined ? null : await secureOptions(options.tls);
  const authority = target.kind === 'unix' ? 'localhost' : hostPortText(target.host, target.port);
  const client = new Client(`${scheme}://${authority}`, {
    connect:
      options.proxyProtocol === undefined
        ? { ...(target.kind === 'unix' ? { socketPath: target.path } : {}), ...secure }
        : connectorWithHeader(target, options.proxyProtocol, secure, signal),
    pipelining: 0,
  });
  try {
    const response = await client.request({
      method: options.method as 'GET',
      path: options.path,
      headers: [
        ...['host', host, 'user-agent', 'sevenfold-health-check', 'connection', 'close'],
        ...options.headers.flatMap(({ name, value }) => [name, value]),
      ],
      signal,
    });
    const wrong = wrongHead(response.statusCode, response.headers, options);
    if (wrong !== null) return { passed: false, says: wrong };
    if (options.expectedBody !== null && !(await bodyHolds(response.body, options.expectedBody)))
      return { passed: false, says: `the body does not contain ${JSON.stringify(options.expectedBody)}` };
    return { passed: true, says: `status ${response.statusCode}` };
  } finally {
    // What is left of a body is not waited for.
    client.destroy().catch(() => {});
  }
}

/** TLS as requests speak it (node:tls). Authorities of the machine are node's own unless a file names others. */
async function secureOptions({
  serverName,
  ca,
  certificate,
  minVersion,
  verify,
}: HealthCheckTls): Promise<SecureOptions> {
  return {
    ...(isIP(serverName) === 0 ? { servername: serverName } : {}),
    checkServerIdentity: (_: string, shown: PeerCertificate) => checkServerIdentity(serverName, shown),
    rejectUnauthorized: verify,
    minVersion,
    ...(ca === undefined ? {} : { ca: await readNamedFile(ca) }),
    ...(certificate === undefined
      ? {}
      : { cert: await readNamedFile(certificate.cert), key: await readNamedFile(certificate.key) }),
  };
}

type FieldValues = Record<string, string | string[] | undefined>;

/** What is wrong with the response's head, or null. */
function wrongHead(status: number, headers: FieldValues, options: HealthCheckOptions): string | null {
  const { expectedStatuses } = options;
  if (!expectedStatuses.some(({ from, to }) => status >= from && status <= to)) {
    const expected = expectedStatuses.map(({ from, to }) => (from === to ? `${from}` : `${from}-${to}`)).join(', ');
    return `status ${status}, expected ${expected}`;
  }
  for (const { name, value } of options.expectedHeaders) {
    const found = headers[name.toLowerCase()];
    const values = found === undefined ? [] : Array.isArray(found) ? found : [found];
    if (values.length === 0) return `no ${name} in the answer`;
    if (value !== null && !values.includes(value)) return `${name} is ${values.join(', ')}, expected ${value}`;
  }
  return null;
}

async function bodyHolds(body: AsyncIterable<Buffer>, expected: string): Promise<boolean> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes >= BODY_BYTES_MAX) break;
  }
  return Buffer.concat(chunks).subarray(0, BODY_BYTES_MAX).includes(expected);
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { code } = error as NodeJS.ErrnoException;
  return code === undefined ? error.message : `${code}: ${error.message}`;
}
