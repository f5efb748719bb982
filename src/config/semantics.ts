// What no schema can say: names that must exist, parts that exclude each other.
// Owns the checks of listeners, pools, limits and tests. Leaves those of routes to semantics-routes.ts, and where raw
// listeners lead to semantics-raw.ts.

import type { DocumentPath } from '../base/document-path.js';
import { endpointKey, isAt, portOf } from '../base/endpoint.js';
import { didYouMean } from '../base/problems.js';
import { isRaw } from './config.js';
import { sizeText } from './schema/build.js';
import { USUAL_HEAD_BYTES } from './schema/limits.js';
import { connectionAsked } from './schema/tests.js';
import type { ParsedConfig } from './schema.js';
import { checkPoolName, type Scope } from './scope.js';
import { checkAccessLogs } from './semantics-access-log.js';
import { checkAdmin } from './semantics-admin.js';
import { checkErrorPages } from './semantics-error-pages.js';
import {
  checkClientAddressHeader,
  checkHttp2,
  checkKeepAlive,
  checkListenerFilters,
  checkListenerName,
  checkListenerRef,
  checkRedirect,
  checkRepeatedSlashes,
  checkSocket,
  checkTrust,
  redirectsAll,
  warnOfUnrouted,
} from './semantics-listeners.js';
import { checkPoolOptions } from './semantics-pools.js';
import { checkRawListener } from './semantics-raw.js';
import { checkRoutes } from './semantics-routes.js';
import { checkListenerTls, checkPoolTls } from './semantics-tls.js';

/** Reports every contradiction in a configuration that fits the schema. */
export function checkMeaning(config: ParsedConfig, scope: Scope): void {
  checkListeners(config, scope);
  checkTrust(config, scope);
  checkRoutes(config, scope);
  checkErrorPages(config.errorPages, ['errorPages'], scope);
  checkAccessLogs(config.accessLog, ['accessLog'], config, scope);
  checkPools(config, scope);
  checkLimits(config, scope);
  checkTests(config, scope);
  checkAdmin(config, scope);
  for (const name of scope.poolNames ?? []) {
    if (!scope.poolsUsed.has(name)) scope.warn(['pools', name], 'No rule and no listener uses this pool.');
  }
}

function checkListeners(config: ParsedConfig, scope: Scope): void {
  const { listeners, routes } = config;
  for (const [index, listener] of listeners.entries()) {
    const { address, protocol } = listener;
    const at = ['listeners', index];
    checkRawListener(listener, at, config, scope);
    checkListenerTls(listener, at, routes, scope);
    checkProxySources(listener, at, scope);
    checkListenerName(listener, index, config, scope);
    checkSocket(listener, at, scope);
    checkKeepAlive(listener, at, scope);
    checkRedirect(listener, at, scope);
    checkListenerFilters(listener, at, scope);
    checkClientAddressHeader(listener, at, config, scope);
    checkRepeatedSlashes(listener, at, scope);
    checkAccessLogs(listener.accessLog, [...at, 'accessLog'], config, scope);
    checkHttp2(listener, at, scope);
    warnOfUnrouted(listener, at, config, scope);
    if (!isRaw(protocol) && !redirectsAll(listener) && (routes ?? []).length === 0) {
      scope.report(
        at,
        `An ${protocol} listener has no routes.`,
        "Expected 'routes' with at least one rule, at the top level.",
      );
    }
    const earlier = listeners.slice(0, index).findIndex(
      // One address beside all of them at a port is fine: it gets its own connections.
      (other) => endpointKey(other.address.endpoint) === endpointKey(address.endpoint),
    );
    if (earlier >= 0) {
      scope.report(
        [...at, 'address'],
        `listeners[${earlier}] listens on '${listeners[earlier]!.address.address}' already.`,
        'Expected an address and port of its own for each listener.',
      );
    }
    checkFamilies(listener, index, config, scope);
  }
}

/** Warns of a listener where any client may claim any address in a PROXY header. */
function checkProxySources({ proxyProtocol }: ParsedConfig['listeners'][number], at: DocumentPath, scope: Scope): void {
  for (const [index, range] of (proxyProtocol?.from ?? []).entries()) {
    if (!range.endsWith('/0')) continue;
    scope.warn(
      [...at, 'proxyProtocol', 'from', index],
      `${range} is every address: any client can claim any address in a PROXY header.`,
      'Expected the addresses of the proxies in front alone.',
    );
  }
}

/** Reports a choice of families where there is none, and one that leaves IPv4 to two listeners. */
function checkFamilies(
  { address, ipv6Only }: ParsedConfig['listeners'][number],
  index: number,
  { listeners }: ParsedConfig,
  scope: Scope,
): void {
  if (ipv6Only === undefined) return;
  const at = ['listeners', index, 'ipv6Only'];
  const port = portOf(address.endpoint);
  if (!isAt(address.endpoint, '::', port)) {
    scope.report(at, `'${address.address}' is not [::].`, "Expected 'ipv6Only' beside the address [::] alone.");
    return;
  }
  const v4 = listeners.findIndex(({ address: other }) => isAt(other.endpoint, '0.0.0.0', port));
  if (ipv6Only || v4 < 0) return;
  scope.report(
    at,
    `listeners[${v4}] takes the IPv4 connections at port ${port} already.`,
    'Expected ipv6Only: true, or one of the two listeners.',
  );
}

function checkPools({ pools }: ParsedConfig, scope: Scope): void {
  for (const [name, pool] of Object.entries(pools)) {
    const { servers } = pool;
    const at = ['pools', name];
    checkPoolOptions(name, pool, scope);
    checkPoolTls(name, pool, scope);
    if (!/^[A-Za-z][\w.-]*$/.test(name)) {
      // Names of digits alone would also lose their place in the order of the file.
      scope.report(
        at,
        `'${name}' is not a pool name.`,
        'Expected a letter, then letters, digits, hyphens, dots or underscores.',
      );
    }
    const byAddress = new Map<string, number>();
    const byName = new Map<string, number>();
    for (const [index, server] of servers.entries()) {
      const { address } = server.address;
      const first = byAddress.get(address);
      if (first === undefined) byAddress.set(address, index);
      else {
        scope.report(
          [...at, 'servers', index, 'address'],
          `servers[${first}] has the address '${address}' already.`,
          'Expected each server once. Use weight to give one a larger share.',
        );
      }
      if (server.name === undefined) continue;
      const namesake = byName.get(server.name);
      if (namesake === undefined) byName.set(server.name, index);
      else {
        scope.report(
          [...at, 'servers', index, 'name'],
          `servers[${namesake}] has the name '${server.name}' already.`,
          'Expected a name of its own for each server of a pool.',
        );
      }
    }
    if (servers.length === 0) {
      scope.warn([...at, 'servers'], 'The pool has no servers.', 'Every request that goes there gets 503.');
    } else if (servers.every((server) => server.weight === 0)) {
      // Drained: they keep the clients of their sessions.
      scope.warn([...at, 'servers'], 'Every server has weight 0.', 'New requests that go there get 503.');
    }
  }
}

/** A long head has to fit into the part of the slab's size that all of them together may take, once it was doubled. */
const LONG_HEADS_OF_SLAB = 8;

function checkLimits({ limits }: ParsedConfig, scope: Scope): void {
  const { slabBytes } = limits;
  // The least that `auto` may become has room for the longest heads.
  if (
    slabBytes !== 'auto' &&
    limits.headBytesMax > USUAL_HEAD_BYTES &&
    limits.headBytesMax * LONG_HEADS_OF_SLAB > slabBytes
  ) {
    scope.report(
      ['limits', 'headBytesMax'],
      `${sizeText(limits.headBytesMax)} is too much for a slab of ${sizeText(slabBytes)}.`,
      `Expected at most an eighth of limits.slabBytes, which is ${sizeText(slabBytes / LONG_HEADS_OF_SLAB)}.`,
    );
  }
  if (limits.uriBytesMax !== undefined && limits.uriBytesMax > limits.headBytesMax) {
    scope.report(
      ['limits', 'uriBytesMax'],
      `${sizeText(limits.uriBytesMax)} is more than a whole head may have.`,
      `Expected at most limits.headBytesMax, which is ${sizeText(limits.headBytesMax)}.`,
    );
  }
}

function checkTests({ tests, routes, listeners }: ParsedConfig, scope: Scope): void {
  if (tests === undefined) return;
  const ruleNames = (routes ?? []).flatMap((route) => route.rules.flatMap((rule) => rule.name ?? []));
  for (const [index, test] of tests.entries()) {
    const { request, expect } = test;
    const at = ['tests', index];
    if (connectionAsked(request) !== undefined) {
      checkConnectionTest(test, at, scope);
      continue;
    }
    const url = request.slice(request.indexOf(' ') + 1);
    if (!url.startsWith('/') && !(URL.canParse(url) && /^https?:\/\//i.test(url))) {
      scope.report([...at, 'request'], `'${url}' is not a URL.`, 'Expected http://HOST/PATH, or /PATH for any host.');
    }
    if (test.listener !== undefined) checkListenerRef(test.listener, [...at, 'listener'], listeners, scope);
    const key = /^http:/i.test(url) ? TLS_KEYS.find((name) => test[name] !== undefined) : undefined;
    if (key !== undefined) {
      scope.report([...at, key], `A request without TLS has no ${key}.`, 'Expected an https URL in the request.');
    }
    if (expect.pool !== undefined) checkPoolName(expect.pool, [...at, 'expect', 'pool'], scope);
    if (expect.rule !== undefined && !ruleNames.includes(expect.rule)) {
      scope.report(
        [...at, 'expect', 'rule'],
        `There is no rule '${expect.rule}'.`,
        `Expected the name of a rule.${didYouMean(expect.rule, ruleNames)}`,
      );
    }
    if (Object.values(expect).every((value) => value === undefined)) {
      scope.report([...at, 'expect'], 'Nothing is expected.', 'Expected pool, rule or status.');
    }
    if (expect.status !== undefined && expect.pool !== undefined) {
      scope.report(
        [...at, 'expect', 'status'],
        'A status and a pool are expected at once.',
        'Expected pool for requests that a server answers, or status for answers of our own.',
      );
    }
  }
}

/** Keys of a test that describe its TLS connection. */
const TLS_KEYS = ['serverName', 'tlsVersion', 'tlsCipher', 'clientCertificate'] as const;

/** A test of where a raw TLS connection goes: by its name alone, to a pool. */
function checkConnectionTest(test: NonNullable<ParsedConfig['tests']>[number], at: DocumentPath, scope: Scope): void {
  const { pool, rule, status } = test.expect;
  for (const name of ['headers', 'client', 'listener', ...TLS_KEYS] as const) {
    if (test[name] === undefined) continue;
    scope.report([...at, name], `A tls:// request has ${name}.`, 'Expected the name behind tls:// alone.');
  }
  if (pool !== undefined && rule === undefined && status === undefined) {
    checkPoolName(pool, [...at, 'expect', 'pool'], scope);
  } else {
    const found =
      pool === undefined ? 'A tls:// request expects no pool.' : 'A tls:// request expects more than a pool.';
    scope.report([...at, 'expect'], found, 'Expected a pool alone: no rule is asked where such connections go.');
  }
}
