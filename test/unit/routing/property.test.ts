// The compiled matcher against the reference on random rules and requests: 100,000 cases.
// A failure prints the seed and the shrunk case; SEVENFOLD_SEED=<seed> replays it.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { compile } from '../../../src/routing/compile.js';
import { ENTRY, HEADER } from '../../../src/routing/layout.js';
import { Matcher } from '../../../src/routing/matcher.js';
import { findShadows } from '../../../src/routing/shadow.js';
import { matchRequest } from '../../support/match-request.js';
import { request, routes } from './arbitraries.js';
import { type ReferenceRequest, referenceMatch } from './reference.js';

/** Each rule set is asked this many requests, because compiling costs more than matching. */
const REQUESTS_PER_SET = 20;
const CASES = 100_000;

const seed = process.env.SEVENFOLD_SEED;
const settings: fc.Parameters<unknown> = {
  numRuns: CASES / REQUESTS_PER_SET,
  ...(seed === undefined ? {} : { seed: Number(seed) }),
};

function viewOf(sent: ReferenceRequest) {
  const view = matchRequest({
    method: sent.method,
    url: `http://${sent.host}${sent.path}?${sent.query}`,
    headers: sent.headers,
    clientAddress: sent.clientAddress?.join('.'),
    ...(sent.tls === undefined
      ? {}
      : {
          serverName: sent.tls.serverName,
          tlsVersion: sent.tls.version,
          tlsCipher: sent.tls.cipher,
          clientCertificate: sent.tls.certificate,
        }),
  });
  view.listener = sent.listener;
  return view;
}

test(`finds the rule that the reference finds, ${CASES} times`, () => {
  let matched = 0;
  fc.assert(
    fc.property(
      routes,
      fc.array(request, { minLength: REQUESTS_PER_SET, maxLength: REQUESTS_PER_SET }),
      (set, sent) => {
        const matcher = new Matcher(compile({ routes: set, pools: { p: {} } }).table);
        for (const one of sent) {
          const rule = matcher.match(viewOf(one));
          if (rule !== -1) matched++;
          assert.equal(rule, referenceMatch(set, one), JSON.stringify(one));
        }
      },
    ),
    settings,
  );
  // A test in which nearly nothing matches would prove nothing.
  assert.ok(matched > CASES / 4 && matched < CASES, `${matched} of ${CASES} matched`);
});

test('a match that is said to be unreachable never wins', () => {
  let dead = 0;
  fc.assert(
    fc.property(
      routes,
      fc.array(request, { minLength: REQUESTS_PER_SET, maxLength: REQUESTS_PER_SET }),
      (set, sent) => {
        const { table, entries } = compile({ routes: set, pools: { p: {} } });
        const shadows = findShadows(entries);
        dead += shadows.length;
        const matcher = new Matcher(table);
        for (const one of sent) {
          const entry = matcher.matchEntry(viewOf(one));
          if (entry === -1) continue;
          const rank = matcher.words[matcher.words[HEADER.entriesAt]! + entry * ENTRY.WORDS + ENTRY.rank]!;
          const { match } = entries[rank]!;
          assert.ok(!shadows.some((shadow) => shadow.match === match), JSON.stringify([one, match.at]));
        }
      },
    ),
    { ...settings, numRuns: 2000 },
  );
  assert.ok(dead > 500, `only ${dead} were`);
});

test('the order of routes that share no host changes nothing', () => {
  fc.assert(
    fc.property(routes, request, (set, sent) => {
      const named = set.map((route, i) => ({ ...route, hostnames: [`h${i}.test`] }));
      const sentTo = { ...sent, host: 'h0.test' };
      const winner = (list: typeof named) => {
        const { table, entries } = compile({ routes: list, pools: { p: {} } });
        const matcher = new Matcher(table);
        const entry = matcher.matchEntry(viewOf(sentTo));
        return entry === -1 ? undefined : entries.length > 0 && matcher.match(viewOf(sentTo)) >= 0;
      };
      assert.equal(winner(named), winner([...named].reverse()));
    }),
    { ...settings, numRuns: 500 },
  );
});
