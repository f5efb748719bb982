// Sevenfold's own configurations for the modes that take a file. l7-rules: 1,000 rules over 20 hostnames, header edits in
// both directions, and a sticky session on the pool, so that each request pays for all of them. https: TLS and one route.
import type { Certificates } from './certificate.js';

export interface RulesOptions {
  readonly rules: number;
  readonly hostnames: number;
  readonly stickiness: boolean;
}

/**
 * YAML for a listener on 127.0.0.1:`port` and one origin. The rule that the workloads hit is the last of the host that
 * they ask for (127.0.0.1 by name of the listener's default host), after all the longer ones that miss.
 */
export function rulesConfig(
  port: number,
  originPort: number,
  { rules, hostnames, stickiness }: RulesOptions = { rules: 1000, hostnames: 20, stickiness: true },
): string {
  const lines = ['listeners:', `  - address: 127.0.0.1:${port}`, 'routes:'];
  const perHost = Math.floor((rules - 1) / hostnames);
  for (let host = 0; host < hostnames; host++) {
    lines.push(`  - hostnames: [shop-${host}.example.com]`, '    rules:');
    for (let rule = 0; rule < perHost; rule++) lines.push(...missingRule(host, rule));
  }
  lines.push('  - rules:');
  const left = rules - 1 - perHost * hostnames;
  for (let rule = 0; rule < left; rule++) lines.push(...missingRule(hostnames, rule));
  lines.push(
    '      - matches: [{ path: { type: PathPrefix, value: / } }]',
    '        pool: origin',
    '        filters:',
    '          - type: RequestHeaderModifier',
    '            requestHeaderModifier: { set: [{ name: X-Tier, value: standard }], add: [{ name: X-Edge, value: bench }], remove: [X-Debug] }',
    '          - type: ResponseHeaderModifier',
    '            responseHeaderModifier: { set: [{ name: X-Served-By, value: sevenfold }], remove: [X-Powered-By] }',
    'pools:',
    '  origin:',
    `    servers: [{ address: "127.0.0.1:${originPort}" }]`,
  );
  if (stickiness) lines.push('    sessionPersistence: { type: Cookie, cookieName: session }');
  return `${lines.join('\n')}\n`;
}

/** As the peers have it: connections last, and as many to the origin stay open as there are requests at once. */
const HTTP2_LIMITS = 'limits: { idleConnectionsMax: 1024, http2: { requestsMax: 1000000 } }\n';

/**
 * YAML for an https listener on 127.0.0.1:`port` in front of one origin, with nothing else to do than the plain mode. `http2`: beside
 * HTTP/1.
 */
export function httpsConfig(port: number, originPort: number, { ecdsa, rsa }: Certificates, http2: boolean): string {
  const pairs = [ecdsa, rsa].map(({ certPath, keyPath }) => `{ cert: ${certPath}, key: ${keyPath} }`);
  return `listeners:
  - { address: "127.0.0.1:${port}", protocol: https, ${http2 ? 'http2: true, ' : ''}tls: { certificates: [${pairs.join(', ')}] } }
routes:
  - rules: [{ pool: origin }]
pools:
  origin: { servers: [{ address: "127.0.0.1:${originPort}" }] }
${http2 ? HTTP2_LIMITS : ''}`;
}

function missingRule(host: number, rule: number): string[] {
  return [
    `      - matches: [{ path: { type: PathPrefix, value: /area-${host}/section-${rule} }, method: GET, headers: [{ name: Accept, type: Exact, value: application/json }] }]`,
    '        pool: origin',
  ];
}
