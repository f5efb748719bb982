// Events of the process in words: the lines that people know, and where each goes.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { describeEvent } from '../../../src/cli/events/describe.js';
import type { ProcessEvent } from '../../../src/observe/events.js';

const said = (event: ProcessEvent): string =>
  describeEvent(event)
    .map(({ to, text }) => `${to}: ${text}`)
    .join('\n');
const server = { pool: 'api', server: '10.0.0.1:80' };
const reload = { type: 'reload.applied', source: 'shop.yaml', settings: [], pages: [], details: false } as const;
const noRules = { added: 0, removed: 0, changed: 0 };

test('a change of state goes to the errors where a person may have to act, else to the status', () => {
  const cases: readonly [ProcessEvent, string][] = [
    [
      { type: 'server.down', ...server, sent: 'a connect', found: 'ECONNREFUSED' },
      'error: Pool api: server 10.0.0.1:80 is down (a connect: ECONNREFUSED).',
    ],
    [
      { type: 'server.up', ...server, sent: 'a connect', found: 'the connection was accepted' },
      'error: Pool api: server 10.0.0.1:80 is up again (a connect: the connection was accepted).',
    ],
    [
      { type: 'server.ejected', ...server, ejectedMs: 30_000 },
      'status: Pool api: server 10.0.0.1:80 failed repeatedly; it is ejected for 30 s.',
    ],
    [
      { type: 'server.returned', ...server, checksPassed: 1 },
      'status: Pool api: server 10.0.0.1:80 passed a check; its ejection ends.',
    ],
    [
      { type: 'server.returned', ...server, checksPassed: 3 },
      'status: Pool api: server 10.0.0.1:80 passed 3 checks in a row; its ejection ends.',
    ],
    [{ type: 'worker.died', worker: 1, reason: 'boom' }, 'error: worker 1 died (boom) and is started again'],
    [
      {
        type: 'tls.renewed',
        user: 'Listener :443',
        certificates: [{ file: '/tls/a.pem', endsMs: Date.UTC(2031, 0, 2) }],
      },
      'status: Listener :443: TLS files changed on disk; new connections use the new content: /tls/a.pem, which ends on 2031-01-02.',
    ],
    [
      { type: 'listener.opened', address: '[::]:80', protocol: 'http', families: 'IPv6 and IPv4', atStart: true },
      'status: listening on [::]:80 (http, IPv6 and IPv4)',
    ],
    [{ type: 'drain.ended', tookMs: 1240, connectionsCut: 0 }, 'status: drained in 1.2 s: every connection has ended'],
    [
      { type: 'drain.ended', tookMs: 30_000, connectionsCut: 2 },
      'status: drained in 30.0 s: 2 connections cut by timeouts.drain',
    ],
  ];
  for (const [event, line] of cases) assert.equal(said(event), line);
});

test('a reload says what changed, in one line', () => {
  assert.equal(said({ ...reload, rules: noRules }), 'status: reloaded shop.yaml: nothing changed');
  assert.equal(
    said({ ...reload, rules: noRules, details: true }),
    'status: reloaded shop.yaml: details of rules changed',
  );
  assert.equal(
    said({ ...reload, rules: { added: 1, removed: 0, changed: 2 }, settings: ['pools.api.servers'], details: true }),
    'status: reloaded shop.yaml: 1 rule added, 2 rules changed; pools.api.servers',
  );
  const settings = [1, 2, 3, 4, 5, 6, 7, 8].map((number) => `limits.${number}`);
  assert.equal(
    said({ ...reload, rules: noRules, settings }),
    'status: reloaded shop.yaml: limits.1, limits.2, limits.3, limits.4, limits.5, limits.6, 2 more',
  );
});

test('a reload that is refused says why, unless its mistakes have been reported', () => {
  const refused = { type: 'reload.refused', source: 'shop.yaml' } as const;
  const runsOn = 'error: shop.yaml was not reloaded; still running the previous configuration';
  assert.equal(said({ ...refused, reason: 'cannot listen on :80' }), `error: cannot listen on :80\n${runsOn}`);
  assert.equal(said({ ...refused, reason: undefined }), runsOn);
});

test('what other lines say has none of its own', () => {
  assert.equal(said({ type: 'listener.closed', address: ':80' }), '');
  assert.equal(said({ type: 'worker.restarted', worker: 0 }), '');
});
