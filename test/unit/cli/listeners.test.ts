// Routes bound to listeners, in the words of `explain`, `test`, `routes` and `diff`.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { check } from '../../../src/cli/check.js';
import { diff } from '../../../src/cli/diff.js';
import { explain } from '../../../src/cli/explain.js';
import { routes } from '../../../src/cli/routes.js';
import { test as run } from '../../../src/cli/test.js';
import { file, plain } from './files.js';

const TEXT = `listeners:
  - { name: plain, address: ":80", redirectToHttps: 443, redirectToHttpsExcept: [/.well-known/acme-challenge/] }
  - { name: inner, address: ":8080" }
  - { name: outer, address: ":8081" }
trustedProxies: [10.0.0.0/8]
routes:
  - listeners: [inner]
    rules: [{ name: admin, matches: [{ path: { value: /admin } }], pool: api }]
  - rules: [{ name: rest, pool: api }]
pools: { api: { servers: [{ address: 10.0.0.11:3000 }] } }
`;
const config = file('bound.yaml', TEXT);

const said = async (request: string, options: object = {}): Promise<string> =>
  plain((await explain(request, { config, ...options })).out);

test('explain asks the listener that the URL or the option means', async () => {
  assert.match(
    await said('GET http://a.example:8080/admin'),
    /^goes to admin,.*\n {2}because listener is "inner", expected "inner"$/ms,
  );
  const other = await said('GET http://a.example:8081/admin');
  assert.match(other, /^goes to rest,/m);
  assert.match(other, /^not to admin,.*\n {2}listener: found "outer", expected "inner"$/m);
  assert.match(await said('GET http://a.example/admin', { listener: 'inner' }), /^goes to admin,/m);
  const unknown = await explain('GET /', { config, listener: 'iner' });
  assert.equal(unknown.code, 2);
  assert.match(unknown.err, /--listener 'iner' is not a listener .* Did you mean inner\?/);
});

test('where listeners differ, explain says what each does', async () => {
  const text = await said('GET /admin', { header: ['Host: a.example'] });
  assert.match(text, /^At listener inner \(:8080\):$/m);
  assert.match(text, /^At listener outer \(:8081\) it goes to rest \(--listener outer says why\)\.$/m);
  const json = await explain('GET /admin', { config, header: ['Host: a.example'], json: true });
  assert.deepEqual(JSON.parse(json.out).elsewhere, [
    { listener: 'outer', rule: 'rest', pools: [{ pool: 'api', share: 1 }] },
  ]);
  assert.doesNotMatch(await said('GET /', { header: ['Host: a.example'] }), /At listener/);
});

test('explain knows what a redirect leaves to the rules', async () => {
  assert.match(
    await said('GET http://a.example/x'),
    /^Listener plain \(:80\) redirects to https: the answer is 308\./m,
  );
  assert.match(await said('GET http://a.example/.well-known/acme-challenge/t'), /^goes to rest,/m);
  assert.match(await said('GET http://a.example/.well-known/acme-challenge/../x'), /redirects to https/);
  const proxied = { header: ['X-Forwarded-Proto: https'] };
  assert.match(await said('GET http://a.example/x', { ...proxied, client: '10.0.0.1' }), /^goes to rest,/m);
  assert.match(await said('GET http://a.example/x', proxied), /redirects to https/);
});

test('an expectation holds at every listener it can mean, or at the one it names', async () => {
  const tests = `tests:
  - { request: "GET http://a.example:8080/admin", expect: { rule: admin } }
  - { request: GET http://a.example/admin, listener: outer, expect: { rule: rest } }
  - { request: GET http://a.example/x, expect: { status: 308 } }
  - { request: GET /admin, headers: { Host: a.example }, expect: { rule: admin } }
`;
  const { code, out } = await run({ config: file('bound-tested.yaml', TEXT + tests) });
  assert.equal(code, 1);
  assert.equal(out.match(/^ok {4}/gm)?.length, 3, out);
  assert.match(plain(out), /^ {6}expected rule admin, found rest at listener outer \(:8081\)$/m);
});

test('routes lists the listeners of a rule, and the exceptions of a redirect', async () => {
  const { out } = await routes({ config });
  assert.match(out, /prefix \/admin +any +listener inner +admin/);
  assert.match(out, /redirect 308 to https at port 443, but for \/\.well-known\/acme-challenge/);
});

test('diff says what becomes of a rule whose listeners change', async () => {
  const now = file('rebound.yaml', TEXT.replace('listeners: [inner]', 'listeners: [inner, outer]'));
  const text = plain((await diff(config, now)).out);
  assert.match(text, /any host, prefix \/admin, listener inner or outer/);
  const renamed = file('renamed.yaml', TEXT.replaceAll('inner', 'middle'));
  assert.match(plain((await diff(config, renamed)).out), /listener :8080 name {2}inner → middle/);
  const recorded = file('recorded.txt', 'GET http://a.example:8081/admin\nGET http://a.example:8080/admin\n');
  const replayed = plain(
    (
      await diff(
        config,
        file(
          'unbound.yaml',
          TEXT.replace('  - listeners: [inner]\n    rules', '  - rules')
            .replace('pool: api }]\n  - rules', 'pool: other }]\n  - rules')
            .replace('pools: {', 'pools: { other: { servers: [{ address: 10.0.0.12:3000 }] },'),
        ),
        { requests: recorded },
      )
    ).out,
  );
  assert.match(replayed, /2 of 2 recorded requests go elsewhere/);
});

test('a bound rule shadows only what is for its listeners', async () => {
  const warnings = async (first: string, second: string): Promise<string> => {
    const text = `listeners: [{ name: a, address: ":80" }, { name: b, address: ":81" }, { name: c, address: ":82" }]
routes:
  - ${first}rules: [{ name: first, pool: api }]
  - ${second}rules: [{ name: second, pool: api }]
pools: { api: { servers: [{ address: 10.0.0.11:3000 }] } }
`;
    const { err } = await check({ config: file('shadow.yaml', text) });
    return /No request reaches this rule/.test(err) ? 'shadowed' : 'reached';
  };
  const bound = (...names: string[]): string => `listeners: [${names.join(', ')}]\n    `;
  assert.equal(await warnings('', ''), 'shadowed');
  assert.equal(await warnings('', bound('a')), 'shadowed');
  assert.equal(await warnings(bound('a'), ''), 'reached');
  assert.equal(await warnings(bound('a', 'b'), bound('b')), 'shadowed');
  assert.equal(await warnings(bound('b', 'a'), bound('a', 'b')), 'shadowed');
  assert.equal(await warnings(bound('a', 'b'), bound('b', 'c')), 'reached');
  assert.equal(await warnings(bound('a'), bound('b')), 'reached');
});

test('explain names the listeners that redirect what others route', async () => {
  const says = /^Listener plain \(:80\) redirects it to https \(308\)\.$/m;
  const headers = { header: ['Host: a.example'] };
  assert.match(await said('GET /admin', headers), says);
  assert.match(await said('GET http://a.example:9999/admin'), says);
  assert.doesNotMatch(await said('GET http://a.example:8080/admin'), /redirects/);
  assert.doesNotMatch(await said('GET /.well-known/acme-challenge/x', headers), /redirects/);
});

test('a client of a unix socket has no address, for explain and for workers', async () => {
  const socket = file(
    'socket.yaml',
    `trustedProxies: ["unix:"]
listeners:
  - { name: socket, address: "unix:/run/a.sock" }
  - { name: stated, address: "unix:/run/b.sock", clientAddressHeader: X-Forwarded-For }
  - { name: proxied, address: "unix:/run/c.sock", proxyProtocol: { from: ["unix:"] } }
  - { name: tcp, address: ":80" }
routes:
  - rules:
      - { name: local, matches: [{ clientAddress: 127.0.0.0/8 }], pool: api }
      - { name: rest, pool: api }
pools: { api: { servers: [{ address: 10.0.0.11:3000 }] } }
`,
  );
  const at = async (listener: string, options: object = {}): Promise<string> =>
    plain((await explain('http://a.example/', { config: socket, listener, ...options })).out);
  const bare = await at('socket', { client: '127.0.0.1' });
  assert.match(bare, /^client address unknown: it comes over a unix socket$/m);
  assert.match(bare, /^goes to rest,/m);
  assert.match(await at('stated', { header: ['X-Forwarded-For: 127.0.0.9'] }), /^goes to local,/m);
  assert.match(await at('proxied', { client: '127.0.0.9' }), /^goes to local,/m);
  assert.match(await at('proxied', { client: '192.0.2.1' }), /^goes to rest,/m);
  assert.match(await at('tcp'), /^goes to local,/m);
  const both = plain((await explain('GET /', { config: socket, header: ['Host: a.example'] })).out);
  assert.match(both, /^At listener (proxied|tcp) .* it goes to local/m);
});
