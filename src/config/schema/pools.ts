// The schema of pools: groups of servers that serve the same content.

import { WEIGHT_MAX } from '../../balance/server-state.js';
import { PROXY_VERSIONS } from '../../base/proxy-protocol.js';
import { TLS_VERSIONS } from '../../base/tls-versions.js';
import { readServerAddress, type ServerAddress } from '../units.js';
import { choice, duration, fileName, flag, integer, list, map, named, option, scalar, text } from './build.js';
import { tcpKeepAlive } from './keep-alive.js';
import { hashKey, healthCheck, outlierDetection, poolLimits, retry, sessionPersistence } from './pool-options.js';

const BALANCE_ALGORITHMS = ['round-robin', 'least-requests', 'random', 'ip-hash', 'consistent-hash'] as const;

const server = map('a server', {
  address: option(
    scalar<string, ServerAddress>('address', { type: 'string' }, readServerAddress),
    'Host and port, `10.0.0.11:3000`, `[fd00::1]:3000` or `app.internal:3000`; `unix:/run/app.sock`; or ' +
      '`srv:_http._tcp.app.internal`, whose records say where. ' +
      'Each address of a name is a server; names are resolved again as their records ask for.',
  ),
  weight: option(
    integer('a weight', 0, WEIGHT_MAX).prefault(1),
    "Share of the pool's requests, against the sum of its weights.",
    {
      zero: 'the server is drained: it gets no new requests',
    },
  ),
  name: option(text('a name', 'Expected a name.').optional(), 'A name for log lines and the report of `SIGUSR2`.', {
    byDefault: 'the address',
  }),
  backup: option(flag().prefault(false), 'Used only when no other server of the pool can be.'),
});

const pemFile = () => fileName('PEM file').optional();

const tls = map('TLS options', {
  serverName: option(
    text('a name', 'Expected a DNS name or an IP address.').optional(),
    'The name to ask servers for (SNI), and the one their certificate must be for.',
    { byDefault: 'the host in the addresses of the servers, if it is the same in all' },
  ),
  ca: option(pemFile(), 'PEM file with the authorities to trust.', { byDefault: 'those of this machine' }),
  cert: option(pemFile(), 'PEM file with a certificate to show to servers that ask for one, and its chain.'),
  key: option(pemFile(), 'PEM file with its private key, not encrypted.'),
  minVersion: option(choice('a TLS version', TLS_VERSIONS).prefault('TLSv1.2'), 'The oldest version spoken.'),
  insecureSkipVerify: option(
    flag().prefault(false),
    'Accept any certificate of a server, unverified. Anyone on the path can then read and change everything.',
  ),
});

const pool = map('a pool', {
  balance: option(
    choice('a balancing algorithm', BALANCE_ALGORITHMS).prefault('round-robin'),
    'How a server is chosen: in turn, the one with the fewest requests in flight, the better of two at random, ' +
      "by the client's address, or by a hash that moves few clients when servers come and go.",
  ),
  servers: option(list('a list of servers', server), 'The servers. An empty list is allowed; requests then get 503.'),
  tls: option(tls.optional(), 'Speak TLS to the servers, and verify who they are.', { byDefault: 'no TLS' }),
  proxyProtocol: option(
    choice('a version of the PROXY protocol', PROXY_VERSIONS).optional(),
    'Begin every connection to the servers with a PROXY header that names the client. A kept connection is then used ' +
      'again for the same client connection only.',
    { byDefault: 'no header' },
  ),
  tcpKeepAlive: option(
    tcpKeepAlive.optional(),
    'Finds servers that went away without a word, also where no timeout runs, as in a silent WebSocket: the connection fails. A ' +
      'reload sets it for new connections.',
    { byDefault: 'each option has its own' },
  ),
  hashKey: option(hashKey.optional(), 'What `consistent-hash` hashes. A request without it goes to any server.', {
    byDefault: 'the address of the client',
  }),
  panic: option(
    choice('a way out', ['fail', 'try']).prefault('fail'),
    'When no server can be used: answer 503, or try those that checks or failures took out.',
  ),
  slowStart: option(
    duration().prefault(0),
    'Time in which a server that came back climbs from a tenth of its weight to all of it. Hashing pools ignore it.',
    { zero: 'all at once' },
  ),
  healthCheck: option(healthCheck.optional(), 'Active checks of every server.', { byDefault: 'no checks' }),
  outlierDetection: option(
    outlierDetection.prefault({}),
    'Passive detection: servers that fail requests are ejected.',
    {
      byDefault: 'each option has its own',
    },
  ),
  sessionPersistence: option(sessionPersistence.optional(), 'Clients stay with the server they had.', {
    byDefault: 'they do not',
  }),
  retry: option(retry.prefault({}), 'When a request is retried.', { byDefault: 'each option has its own' }),
  limits: option(poolLimits.prefault({}), 'What servers may be given at once.', {
    byDefault: 'each limit has its own',
  }),
});

export const pools = named('a map from pool names to pools', pool);
