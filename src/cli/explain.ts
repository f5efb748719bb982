// `sevenfold explain`: where would this request go, and why not elsewhere?
// Owns reading a request from the command line. Leaves the reasons and their words to src/routing.

import { isIP } from 'node:net';
import { type Command, Option } from 'commander';
import { alternatives, didYouMean } from '../base/problems.js';
import { TLS_VERSIONS } from '../base/tls-versions.js';
import { isRaw, type ListenerConfig } from '../config/config.js';
import { loadRoutes } from '../config/routes.js';
import { connectionAsked } from '../config/schema/tests.js';
import { connectionTargets, connectionTargetText } from '../explain/connection-lines.js';
import { type RouteRequest, Router } from '../explain/router.js';
import { type Outcome, outcome, paint, printReport } from './terminal.js';

export interface ExplainOptions {
  readonly config: string;
  readonly header?: readonly string[];
  readonly cookie?: readonly string[];
  readonly listener?: string;
  readonly client?: string;
  readonly serverName?: string;
  readonly tlsVersion?: 'TLSv1.2' | 'TLSv1.3';
  readonly tlsCipher?: string;
  readonly clientCertificateSubject?: string;
  readonly clientCertificateSan?: readonly string[];
  readonly clientCertificateFingerprint?: string;
  readonly json?: boolean;
}

const collect = (value: string, values: readonly string[] = []): string[] => [...values, value];

export function register(program: Command): void {
  program
    .command('explain')
    .description('say where a request would go, and why')
    .argument(
      '<request>',
      "method and URL: 'GET http://shop.example.com/images/cat.png'; the method may be left out. Or a raw TLS connection: " +
        'tls://shop.example.com, with the port of one listener if wanted',
    )
    .requiredOption('-c, --config <file>', 'configuration file')
    .option('-H, --header <header>', "a header, 'Name: value'; may be repeated", collect)
    .option('-b, --cookie <cookie>', "cookies, 'name=value; name=value'; may be repeated", collect)
    .option(
      '--listener <name>',
      'listener that the request comes to, by its name; each that the URL can mean unless given',
    )
    .option('--client <address>', 'address of the client, or of the proxy it comes through', '127.0.0.1')
    .option('--server-name <name>', 'name asked for in TLS; the host of an https URL unless given')
    .addOption(new Option('--tls-version <version>', 'version of TLS').choices(TLS_VERSIONS))
    .option('--tls-cipher <cipher>', 'cipher suite, such as TLS_AES_128_GCM_SHA256')
    .option('--client-certificate-subject <subject>', "subject of the client's certificate: 'CN=shop,O=Example'")
    .option('--client-certificate-san <name>', "a name of it, 'DNS:shop.example'; may be repeated", collect)
    .option('--client-certificate-fingerprint <sha256>', 'SHA-256 of it, in hexadecimal')
    .option('--json', 'print the decision as JSON')
    .action((request: string, options: ExplainOptions) => printReport(() => explain(request, options)));
}

/** Exit code 0 when a rule matches or a listener redirects, 1 when neither, 2 when the request or the configuration cannot be read. */
export async function explain(request: string, options: ExplainOptions): Promise<Outcome> {
  const connection = connectionAsked(request);
  if (connection !== undefined) return explainConnection(connection.serverName, connection.port, options);
  const parsed = readRequest(request, options);
  if (typeof parsed === 'string') return outcome(2, '', `${parsed}\n`);
  const loaded = await loadRoutes(options.config);
  const wrong = wrongListener(options.listener, loaded.config.listeners);
  if (wrong !== undefined) return outcome(2, '', `${wrong}\n`);
  const decision = new Router(loaded).match(parsed);
  const { rule, place, client, listeners, pools, status, actions } = decision;
  const isRedirected = listeners.length > 0 && status !== undefined;
  const code = rule === undefined && !isRedirected ? 1 : 0;
  if (options.json) {
    const elsewhere = decision.elsewhere.map(({ listener, decision: other }) => ({
      listener: listener?.name ?? listener?.address,
      rule: other.rule,
      pools: other.pools,
      status: other.status,
    }));
    const all = { rule, place, client, listeners, pools, status, actions, elsewhere, reasons: decision.explain() };
    return outcome(code, `${JSON.stringify(all, null, 2)}\n`);
  }
  return outcome(code, painted(decision.text()));
}

/** Exit code 0 when a listener has a pool for the name, 1 when none does. */
async function explainConnection(
  serverName: string,
  port: number | undefined,
  { config: file, json }: ExplainOptions,
): Promise<Outcome> {
  const targets = connectionTargets(await loadRoutes(file), serverName, port);
  const code = targets.some(({ line }) => line !== undefined) ? 0 : 1;
  if (json) return outcome(code, `${JSON.stringify(targets, null, 2)}\n`);
  const asked = serverName === '' ? 'asks for no name' : `asks for ${serverName}`;
  const lines = targets.map((one) => paint(one.line === undefined ? 'red' : 'green', connectionTargetText(one)));
  const none = `No listener${port === undefined ? '' : ` at port ${port}`} leads raw connections by name.`;
  return outcome(
    code,
    `A connection that ${asked}:\n${(lines.length === 0 ? [paint('red', none)] : lines).join('\n')}\n`,
  );
}

function painted(text: string): string {
  return text
    .replaceAll(/^(goes to .*|Listeners? .* to https: .*)$/gm, (line) => paint('green', line))
    .replaceAll(/^(not to .*)$/gm, (line) => paint('dim', line))
    .replaceAll(/^(No rule matches.*|The answer is .*|Listeners? .* is refused .*|No listener .*)$/gm, (line) =>
      paint('red', line),
    );
}

/** What is wrong with the name of a listener on the command line; undefined when nothing is. */
function wrongListener(name: string | undefined, listeners: readonly ListenerConfig[]): string | undefined {
  if (name === undefined) return undefined;
  const readers = listeners.filter(({ protocol }) => !isRaw(protocol));
  if (readers.some((listener) => listener.name === name)) return undefined;
  const known = readers.flatMap((listener) => listener.name ?? []);
  const expected =
    known.length === 0 ? 'No listener has a name.' : `Expected ${alternatives(known)}.${didYouMean(name, known)}`;
  return `--listener '${name}' is not a listener that reads requests. ${expected}`;
}

/** The request of the command line, or what is wrong with it. */
function readRequest(request: string, options: ExplainOptions): RouteRequest | string {
  const { header = [], cookie = [], client } = options;
  const parts = request.trim().split(/\s+/);
  const url = parts.length === 1 ? parts[0]! : parts[1]!;
  if (parts.length > 2 || (!url.startsWith('/') && !/^https?:\/\//i.test(url))) {
    return `'${request}' is not a request. Expected a method and a URL, such as 'GET http://shop.example.com/'.`;
  }
  if (client !== undefined && isIP(client) === 0) {
    return `--client '${client}' is not an IP address. For a client of a unix socket, name its listener by --listener.`;
  }
  const headers: Record<string, string[]> = {};
  for (const text of header) {
    const match = /^([^:\s]+):\s*(.*)$/s.exec(text);
    if (!match) return `-H '${text}' is not a header. Expected 'Name: value'.`;
    const values = headers[match[1]!] ?? [];
    headers[match[1]!] = [...values, match[2]!.trim()];
  }
  if (cookie.length > 0) headers.Cookie = [...(headers.Cookie ?? []), cookie.join('; ')];
  const bad = cookie.find((text) => !text.includes('='));
  if (bad !== undefined) return `-b '${bad}' is not a cookie. Expected 'name=value'.`;
  const wrong = wrongTls(options, url);
  if (wrong !== undefined) return wrong;
  return {
    url,
    headers,
    ...(parts.length === 1 ? {} : { method: parts[0]! }),
    ...(client === undefined ? {} : { clientAddress: client }),
    ...(options.listener === undefined ? {} : { listener: options.listener }),
    ...tlsOf(options),
  };
}

/** Options that describe the TLS connection: key, spelling on the command line, and meaning. */
const TLS_OPTIONS = [
  ['clientCertificateSubject', '--client-certificate-subject', 'a client certificate'],
  ['clientCertificateSan', '--client-certificate-san', 'a client certificate'],
  ['clientCertificateFingerprint', '--client-certificate-fingerprint', 'a client certificate'],
  ['serverName', '--server-name', 'a name asked for in TLS'],
  ['tlsVersion', '--tls-version', 'a version of TLS'],
  ['tlsCipher', '--tls-cipher', 'a cipher'],
] as const;

/** What is wrong with what the command line says of TLS; undefined when nothing is. */
function wrongTls(options: ExplainOptions, url: string): string | undefined {
  const { clientCertificateSan = [], clientCertificateFingerprint } = options;
  const given = /^http:/i.test(url) ? TLS_OPTIONS.find(([name]) => options[name] !== undefined) : undefined;
  if (given !== undefined) {
    const [, option, thing] = given;
    return `${option} with '${url}': ${thing} needs an https URL. Expected https://HOST/PATH.`;
  }
  const name = clientCertificateSan.find((text) => !/^(DNS|URI|email|IP):./.test(text));
  if (name !== undefined) return `--client-certificate-san '${name}' has no kind. Expected such as 'DNS:shop.example'.`;
  if (clientCertificateFingerprint === undefined) return undefined;
  if (/^[0-9a-f]{64}$/i.test(clientCertificateFingerprint.replaceAll(':', ''))) return undefined;
  return `--client-certificate-fingerprint '${clientCertificateFingerprint}' is not a SHA-256. Expected 64 hexadecimal digits.`;
}

/** What the command line says of TLS. */
function tlsOf({ serverName, tlsVersion, tlsCipher, ...certificate }: ExplainOptions): Partial<RouteRequest> {
  const subject = certificate.clientCertificateSubject;
  const subjectAltNames = certificate.clientCertificateSan;
  const fingerprint = certificate.clientCertificateFingerprint;
  const shown = [subject, subjectAltNames, fingerprint].some((part) => part !== undefined);
  return {
    ...(serverName === undefined ? {} : { serverName }),
    ...(tlsVersion === undefined ? {} : { tlsVersion }),
    ...(tlsCipher === undefined ? {} : { tlsCipher }),
    ...(shown ? { clientCertificate: { subject, subjectAltNames, fingerprint } } : {}),
  };
}
