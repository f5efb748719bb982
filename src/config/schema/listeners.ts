// The schema of listeners: where clients come in.

import { TLS_VERSIONS } from '../../base/tls-versions.js';
import { accessLog } from './access-log.js';
import { choice, fileName, flag, integer, list, map, option, peers, text } from './build.js';
import { fieldName } from './field-name.js';
import { filter } from './filters.js';
import { tcpKeepAlive } from './keep-alive.js';
import { backendRef, repeatedSlashes } from './routes.js';
import { listenAddress, socketOptions } from './socket.js';

export const LISTENER_PROTOCOLS = ['http', 'https', 'tcp', 'tls', 'tls-passthrough'] as const;

/** max-age first, then the two words there are. */
const HSTS = /^max-age=\d{1,10}(; ?includeSubDomains)?(; ?preload)?$/;
const HSTS_EXPECTED = 'Expected max-age=SECONDS, and if meant ; includeSubDomains and ; preload behind it.';

/** A number alone is meant as the seconds. */
const hstsAdvice = (value: string | number | boolean): string =>
  /^\d{1,10}$/.test(String(value)) ? ` Did you mean max-age=${value}?` : '';

const certificate = map('a certificate', {
  cert: option(
    fileName('PEM file'),
    "PEM file with the server's certificate first, then those that sign it. Relative to the configuration.",
  ),
  key: option(fileName('PEM file'), 'PEM file with its private key, not encrypted. Relative to the configuration.'),
  ocsp: option(
    fileName('DER file').optional(),
    'DER file with an OCSP response for it, stapled for clients that ask (RFC 6066, 8) until its nextUpdate. ' +
      'Its issuer must be in `cert`. Relative to the configuration.',
    { byDefault: 'nothing is stapled' },
  ),
});

const CLIENT_CERTIFICATE_MODES = ['optional', 'required'] as const;

const clientCertificates = map('client certificate options', {
  mode: option(
    choice('a mode', CLIENT_CERTIFICATE_MODES).prefault('required'),
    '`required` refuses clients without a certificate in the handshake. `optional` lets them in; rules can tell. ' +
      'Both refuse a certificate that cannot be verified.',
  ),
  ca: option(
    fileName('PEM file'),
    'PEM file with the authorities that sign certificates of clients: roots, or intermediate ones, which are then trusted ' +
      'without their root. No other authority is. Relative to the configuration.',
  ),
});

const tls = map('TLS options', {
  certificates: option(
    list('a list of certificates', certificate, 1),
    'Clients get the one for the name they ask for (SNI): an exact name first, then a wildcard of one label, else the first of the list. ' +
      'For names in two certificates with keys of different types, RSA and ECDSA, each client gets the one it understands best.',
  ),
  minVersion: option(choice('a TLS version', TLS_VERSIONS).prefault('TLSv1.2'), 'The oldest version spoken.'),
  ciphers: option(
    text('a list of ciphers', 'Expected names of ciphers as OpenSSL knows them, with colons between.').optional(),
    'Ciphers for TLS 1.2, as OpenSSL names them. Those of TLS 1.3 are all good and not configurable.',
    { byDefault: "Mozilla's intermediate profile, without DHE" },
  ),
  alpnProtocols: option(
    list(
      'a list of protocols',
      text('a protocol', 'Expected the name of a protocol as it is registered for ALPN, such as h2.'),
      1,
    ).optional(),
    'With `tls`: what clients may agree on by ALPN (RFC 7301), the preferred one first. It has to be what the servers speak.',
    { byDefault: 'none is agreed on; `https` offers `http/1.1`, and `h2` unless `http2` says otherwise' },
  ),
  clientCertificates: option(
    clientCertificates.optional(),
    'Asks clients for a certificate (mTLS) and verifies it. Servers get it in `X-Client-Cert-` fields, and rules can ' +
      'match it.',
    { byDefault: 'clients are not asked' },
  ),
});

const tlsRoute = map('a TLS route', {
  hostnames: option(
    list(
      'a list of host names',
      text('a host name', 'Expected a host name such as shop.example.com or *.example.com.'),
      1,
    ),
    'Server names the route is for: exact, or `*.` and a domain for every name below it. An exact one wins, then the longest wildcard.',
  ),
  pool: option(
    text('a pool name', 'Expected the name of a pool.').optional(),
    'The pool that gets the connections: the short form of `backendRefs` with one entry.',
  ),
  backendRefs: option(
    list('a list of backend references', backendRef, 1).optional(),
    'The pools that share the connections by weight.',
  ),
});

const proxyProtocol = map('PROXY protocol options', {
  from: option(
    list('a list of CIDR ranges', peers(), 1),
    'Addresses whose connections must begin with a PROXY header, version 1 or 2. The client is then the one that the header ' +
      'names. List the proxies in front and nothing wider: every address in the list can claim to be any client. `unix:` stands ' +
      'for all connections over a unix socket.',
  ),
});

const socket = socketOptions('`0777` less the umask');

const listener = map('a listener', {
  name: option(
    text('a listener name', 'Expected letters, digits, -, _ and ., with a letter first.', (value) =>
      /^[A-Za-z][\w.-]*$/.test(value),
    ).optional(),
    'A name that routes are bound to by their `listeners`, shown in messages. Each listener needs one of its own.',
    { byDefault: 'none' },
  ),
  address: option(
    listenAddress(),
    'IP address and port: `0.0.0.0:8080`, `[::1]:8080`, or `:8080` for every IPv4 address; or the path of a unix socket, ' +
      '`unix:/run/sevenfold.sock`.',
  ),
  socket: option(socket.optional(), 'With a `unix:` address: who may connect.', { byDefault: 'as the umask says' }),
  ipv6Only: option(
    flag().optional(),
    'With the address `[::]`: true takes IPv6 connections alone, false those of IPv4 as well.',
    { byDefault: 'false, unless another listener has `0.0.0.0` (or `:PORT`) at the port' },
  ),
  tcpKeepAlive: option(
    tcpKeepAlive.optional(),
    'Finds clients that left without a word, also where no timeout runs: their connections are closed. A reload sets it for new ' +
      'connections. Not with a `unix:` address, where the kernel knows when a client is gone.',
    { byDefault: 'each option has its own' },
  ),
  protocol: option(
    choice('a protocol', LISTENER_PROTOCOLS).prefault('http'),
    '`http` reads every request and routes it, `https` does so over TLS. The others pass bytes on unread: `tcp` to one ' +
      'pool, `tls` ends TLS first, and `tls-passthrough` leaves it to the servers.',
  ),
  http2: option(
    flag().optional(),
    'With `http` and `https`: clients may speak HTTP/2 beside HTTP/1. With `https` they agree on it in the handshake (ALPN); with ' +
      '`http` they have to know (prior knowledge, h2c): a request to upgrade to it is not followed.',
    { byDefault: '`true` with `https`, `false` with `http`' },
  ),
  pool: option(
    text('a pool name', 'Expected the name of a pool.').optional(),
    'The pool that gets the connections. Needed with `tcp`; with `tls` and `tls-passthrough` it gets those that no TLS ' +
      'route is for. With `http` and `https` the routes decide.',
  ),
  tlsRoutes: option(
    list('a list of TLS routes', tlsRoute, 1).optional(),
    'With `tls` and `tls-passthrough`: which connection goes to which pool, by the name the client asks for (SNI).',
    { byDefault: 'all go to `pool`' },
  ),
  tls: option(tls.optional(), 'How TLS is spoken. Needed with `https` and `tls`.'),
  redirectToHttps: option(
    integer('a port', 1, 65_535).optional(),
    'With `http`: answers every request with a redirect (308) to the same URL by https at this port. Two kinds of requests go ' +
      'to the routes instead: those under `redirectToHttpsExcept`, and those that one of `trustedProxies` got by https, as ' +
      '`X-Forwarded-Proto` says, or `proto` of `Forwarded`.',
  ),
  redirectToHttpsExcept: option(
    list('a list of paths', text('a path', 'Expected a path that starts with /.'), 1).optional(),
    'Beside `redirectToHttps`: paths that are routed, not redirected, such as `/.well-known/acme-challenge/`, with all paths ' +
      'below them.',
    { byDefault: 'none' },
  ),
  strictTransportSecurity: option(
    text('a Strict-Transport-Security value', HSTS_EXPECTED, (value) => HSTS.test(value), hstsAdvice).optional(),
    'With `https`: the value of a `Strict-Transport-Security` field added to every response (RFC 6797), such as `max-age=63072000`.',
  ),
  clientAddressHeader: option(
    fieldName().optional(),
    'With `http` and `https`: the header in which `trustedProxies` say who the client is. `X-Forwarded-For` and `Forwarded` are read ' +
      'from the right, past every trusted address; any other, such as `CF-Connecting-IP`, holds one address. Rules, hashing ' +
      'and the `clientAddress` of header values then go by that address.',
    { byDefault: 'the peer of the connection is the client' },
  ),
  repeatedSlashes: repeatedSlashes('`merge`'),
  filters: option(
    list('a list of filters', filter).optional(),
    'With `http` and `https`: changes to all requests of this listener and their responses, around the filters of routes and rules.',
  ),
  accessLog: option(
    accessLog.optional(),
    'Logs of its requests, or of its connections where they are passed on unread, in place of those at the top level. An empty list is ' +
      'no log.',
    { byDefault: 'those at the top level' },
  ),
  proxyProtocol: option(
    proxyProtocol.optional(),
    'Proxies in front that name the client by the PROXY protocol. Connections from other addresses come without its header.',
    { byDefault: 'no proxy does' },
  ),
});

export const listeners = list('a list of listeners', listener, 1);
