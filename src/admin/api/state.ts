// What runs, for those who look: the service, its configuration, routes, certificates, and what is under way.

import { X509Certificate } from 'node:crypto';
import { arch, cpus, release, totalmem } from 'node:os';
import { connectionLines } from '../../explain/connection-lines.js';
import { routeLines } from '../../explain/route-lines.js';
import { hidingSecretsOf, redacted } from '../redact.js';
import { type Call, type Endpoint, numberOf, type Reply, running } from './endpoint.js';

const ROWS_MAX = 1000;
const ROWS = 100;

export const STATE: readonly Endpoint[] = [
  {
    method: 'GET',
    path: '/status',
    says: 'What runs, since when, and whether it takes requests.',
    run: (call) => ({ body: status(call) }),
  },
  {
    method: 'GET',
    path: '/config',
    says: 'The configuration that runs, every default filled in. Secrets are left out.',
    run: (call) => {
      const { primary, loaded } = running(call);
      return { body: redacted(loaded.config), headers: { ETag: `"${primary.generation}"` } };
    },
  },
  {
    method: 'GET',
    path: '/routes',
    says: 'Every match of every rule in the order in which they win, where raw connections go, and which listeners redirect.',
    run: (call) => {
      const { loaded } = running(call);
      // A rule as it is configured may hold a secret.
      const matches = routeLines(loaded).map(({ config: _, ...line }) => line);
      // So may the words that are made of it.
      const hide = hidingSecretsOf(loaded.config);
      return { body: hide({ matches, connections: connectionLines(loaded) }) };
    },
  },
  {
    method: 'GET',
    path: '/stats',
    says: 'What requests, servers and workers have counted so far, as numbers: for programs that draw rates and durations.',
    run: (call) => ({ body: running(call).primary.stats }),
  },
  {
    method: 'GET',
    path: '/exchanges',
    says: 'Requests under way, and connections passed on unread: the oldest first.',
    query: {
      most: `How many at most; ${ROWS} by default, at most ${ROWS_MAX}.`,
      older: 'Only those that have been under way for so many milliseconds.',
    },
    run: async (call) => {
      const { primary } = running(call);
      const most = numberOf(call, 'most', ROWS, ROWS_MAX);
      const seen = await primary.look(most, numberOf(call, 'older', 0, 2 ** 31));
      const rows = seen.flatMap(({ exchanges }) => exchanges).sort((a, b) => b.ageMs - a.ageMs);
      return { body: { exchanges: rows.slice(0, most) } };
    },
  },
  {
    method: 'GET',
    path: '/connections',
    says: 'Client connections: the oldest first.',
    query: { most: `How many at most; ${ROWS} by default, at most ${ROWS_MAX}.` },
    run: async (call) => {
      const { primary } = running(call);
      const most = numberOf(call, 'most', ROWS, ROWS_MAX);
      const seen = await primary.look(most, 2 ** 31);
      const rows = seen.flatMap(({ connections }) => connections).sort((a, b) => b.ageMs - a.ageMs);
      return { body: { connections: rows.slice(0, most) } };
    },
  },
  {
    method: 'GET',
    path: '/certificates',
    says: 'The certificates that clients are shown, by the end of their time.',
    run: (call) => {
      const { primary } = running(call);
      const all = primary.certificates.map(({ user, file, pem, endsMs }) => ({
        user,
        file,
        ...described(pem, endsMs),
      }));
      return { body: { certificates: all.sort((a, b) => a.notAfter.localeCompare(b.notAfter)) } };
    },
  },
  {
    method: 'GET',
    path: '/support',
    says: 'All of this in one document, to go with a question. Secrets are left out.',
    run: async (call) => {
      const { primary, loaded } = running(call);
      const { target } = call;
      return {
        body: {
          status: status(call),
          machine: {
            arch: arch(),
            kernel: release(),
            cores: cpus().length,
            memoryBytes: totalmem(),
            node: process.version,
          },
          memory: process.memoryUsage(),
          config: redacted(loaded.config),
          warnings: loaded.warnings,
          pools: primary.pools,
          workers: await primary.report(),
          certificates: primary.certificates.map(({ pem: _, ...rest }) => rest),
          events: target.events.since(0),
        },
        headers: { 'Content-Disposition': 'attachment; filename="sevenfold-support.json"' },
      } satisfies Reply;
    },
  },
];

function status({ target }: Call): object {
  const { primary, ending, record, version, linesLost } = target;
  return {
    version,
    state: ending ? 'draining' : primary === null ? 'starting' : 'ready',
    startedAt: new Date(record.startedAt).toISOString(),
    uptimeSeconds: Math.round((Date.now() - record.startedAt) / 1000),
    generation: primary?.generation ?? 0,
    configAppliedAt: new Date(record.appliedAt).toISOString(),
    lastReload:
      record.triedAt === undefined
        ? null
        : { at: new Date(record.triedAt).toISOString(), successful: record.lastReloadGood },
    workers: primary?.workerCount ?? 0,
    workerDeaths: record.workersDied,
    listeners: (primary?.listeners ?? []).map(({ name, address, protocol, port }) => ({
      name,
      address,
      protocol,
      port,
    })),
    linesLost,
  };
}

/** What a certificate says of itself. */
function described(pem: string, endsMs: number) {
  const { subject, issuer, subjectAltName = '', serialNumber, fingerprint256, validFrom } = new X509Certificate(pem);
  return {
    subject: subject.replaceAll('\n', ', '),
    issuer: issuer.replaceAll('\n', ', '),
    names: subjectAltName === '' ? [] : subjectAltName.split(', '),
    serialNumber,
    fingerprint: fingerprint256,
    notBefore: new Date(validFrom).toISOString(),
    notAfter: new Date(endsMs).toISOString(),
    daysLeft: Math.floor((endsMs - Date.now()) / 86_400_000),
  };
}
