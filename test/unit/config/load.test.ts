// From files and values to the configuration that the program uses, and back to places in the file.

import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { portOf } from '../../../src/base/endpoint.js';
import { ConfigError } from '../../../src/config/config-error.js';
import { checkValue, loadConfig, parseConfig } from '../../../src/config/load.js';
import { METHODS } from '../../../src/config/schema/matches.js';
import { HTTP2_LIMITS } from '../../../src/http/h2-limits.js';
import { METHOD_NAMES } from '../../../src/http/methods.js';

const directory = mkdtempSync(join(tmpdir(), 'sevenfold-load-'));
after(() => rmSync(directory, { recursive: true }));

function file(name: string, text: string | Uint8Array): string {
  const path = join(directory, name);
  writeFileSync(path, text);
  return path;
}

/** The message of loading a file, with the directory's name left out. */
async function refusal(path: string): Promise<string> {
  const error: unknown = await loadConfig(path).then(
    () => assert.fail('loaded'),
    (reason) => reason,
  );
  assert.ok(error instanceof ConfigError, String(error));
  return error.message.replaceAll(`${directory}/`, '');
}

const YAML = `listeners:
  - address: ":8080"
routes:
  - hostnames: [shop.example.com]
    rules:
      - matches: [{ path: { value: /api }, clientAddress: 10.0.0.0/8 }]
        pool: api
        timeouts: { request: 10s }
pools:
  api:
    servers: [{ address: 10.0.0.11:3000, weight: 2 }, { address: "unix:/run/api.sock", name: local }]
`;

test('every default is filled in, durations are in milliseconds and sizes in bytes', () => {
  const { config } = parseConfig(YAML, 'shop.yaml');
  assert.deepEqual(config.limits, {
    headBytesMax: 16_384,
    uriBytesMax: 8192,
    fieldsMax: 100,
    bodyBytesMax: 0,
    retryBodyBytesMax: 16_384,
    connectionsMax: 16_384,
    clientBytesPerSecondMin: 64,
    handshakesMax: 4096,
    http2: { ...HTTP2_LIMITS },
    retriesMax: 2,
    mirrorsMax: 128,
    rateKeysMax: 1_048_576,
    idleConnectionsMax: 256,
    slabBytes: 'auto',
  });
  assert.deepEqual(config.timeouts, {
    requestHeadMs: 10_000,
    tlsHandshakeMs: 10_000,
    idleMs: 75_000,
    requestBodyMs: 60_000,
    connectMs: 5000,
    responseHeadMs: 60_000,
    responseIdleMs: 60_000,
    backendIdleMs: 60_000,
    mirrorMs: 5000,
    requestMs: 0,
    drainLeadMs: 0,
    drainMs: 30_000,
    halfClosedMs: 30_000,
    clientRateMs: 30_000,
    tunnelIdleMs: 3_600_000,
  });
  assert.deepEqual(config.listeners, [
    {
      address: ':8080',
      endpoint: { kind: 'tcp', host: '0.0.0.0', port: 8080 },
      protocol: 'http',
      http2: false,
      tcpKeepAlive: { idleSeconds: 60, intervalSeconds: 10, probes: 3 },
      tlsRoutes: [],
    },
  ]);
  assert.deepEqual(config.pools.api?.servers, [
    {
      name: '10.0.0.11:3000',
      address: '10.0.0.11:3000',
      endpoint: { kind: 'tcp', host: '10.0.0.11', port: 3000 },
      weight: 2,
      backup: false,
    },
    {
      name: 'local',
      address: 'unix:/run/api.sock',
      endpoint: { kind: 'unix', path: '/run/api.sock' },
      weight: 1,
      backup: false,
    },
  ]);
  assert.equal(config.pools.api?.balance, 'round-robin');
  assert.equal(config.routes[0]?.rules[0]?.timeouts?.request, 10_000);
  assert.deepEqual(config.routes[0]?.rules[0]?.matches?.[0]?.clientAddress, ['10.0.0.0/8']);
  assert.deepEqual(config.trustedProxies, []);
});

test('the configuration can be sent to a worker', () => {
  const { config } = parseConfig(YAML, 'shop.yaml');
  assert.deepEqual(structuredClone(config), config);
});

test('the longest request target shrinks with the head unless it is given', () => {
  assert.equal(parseConfig(`${YAML}limits: { headBytesMax: 4KiB }\n`, 'shop.yaml').config.limits.uriBytesMax, 4096);
});

test('pools keep the order of the file', () => {
  const text = YAML.replace('pools:', 'pools:\n  zoo: { servers: [] }');
  assert.deepEqual(Object.keys(parseConfig(text, 'shop.yaml').config.pools), ['zoo', 'api']);
});

test('YAML and JSON of the same content give the same configuration', () => {
  const { config } = parseConfig(YAML, 'shop.yaml');
  const json = JSON.stringify({
    listeners: [{ address: ':8080' }],
    routes: [
      {
        hostnames: ['shop.example.com'],
        rules: [
          {
            matches: [{ path: { value: '/api' }, clientAddress: '10.0.0.0/8' }],
            pool: 'api',
            timeouts: { request: '10s' },
          },
        ],
      },
    ],
    pools: {
      api: {
        servers: [
          { address: '10.0.0.11:3000', weight: 2 },
          { address: 'unix:/run/api.sock', name: 'local' },
        ],
      },
    },
  });
  assert.deepEqual(parseConfig(json, 'shop.json').config, config);
});

test('a place is that of the value, and of what is around it where there is none', () => {
  const { source } = parseConfig(YAML, 'shop.yaml');
  assert.deepEqual(source.placeOf(['routes', 0, 'rules', 0]), { file: 'shop.yaml', line: 6, column: 9 });
  assert.deepEqual(source.placeOf(['routes', 0, 'rules', 0, 'pool']), { file: 'shop.yaml', line: 7, column: 15 });
  assert.deepEqual(source.placeOfKey(['routes', 0, 'rules', 0, 'pool']), { file: 'shop.yaml', line: 7, column: 9 });
  assert.deepEqual(source.placeOf(['routes', 0, 'rules', 0, 'filters', 3]), { file: 'shop.yaml', line: 6, column: 9 });
  assert.deepEqual(source.placeOf([]), { file: 'shop.yaml', line: 1, column: 1 });
});

test('the file of a direct response is named relative to the configuration', async () => {
  file('sorry.html', 'sorry');
  const path = file(
    'file.yaml',
    `listeners: [{ address: ":80" }]
routes: [{ rules: [{ filters: [{ type: DirectResponse, directResponse: { status: 503, file: sorry.html } }] }] }]
pools: {}
`,
  );
  const filter = (await loadConfig(path)).config.routes[0]?.rules[0]?.filters?.[0];
  assert.deepEqual(filter, {
    type: 'DirectResponse',
    directResponse: { status: 503, file: join(directory, 'sorry.html') },
  });
});

test('a module may be TypeScript or JavaScript, and may export a promise', async () => {
  const value = `{ listeners: [{ address: ':8080' }], routes: [{ rules: [{ pool: 'api' }] }], pools: { api: { servers: [] } } }`;
  const modules: [string, string][] = [
    ['a.mts', `const config: object = ${value};\nexport default config;\n`],
    ['b.mjs', `export default ${value};\n`],
    ['c.mjs', `export default Promise.resolve(${value});\n`],
  ];
  for (const [name, text] of modules) {
    assert.equal(portOf((await loadConfig(file(name, text))).config.listeners[0]!.endpoint), 8080, name);
  }
});

test('a module that has changed is loaded anew', async () => {
  const text = (port: number) =>
    `export default { listeners: [{ address: ':${port}' }], routes: [{ rules: [{ pool: 'a' }] }], pools: { a: { servers: [] } } };`;
  const path = file('changing.mjs', text(8080));
  assert.equal(portOf((await loadConfig(path)).config.listeners[0]!.endpoint), 8080);
  file('changing.mjs', text(8081));
  utimesSync(path, new Date(), new Date(Date.now() + 5000));
  assert.equal(portOf((await loadConfig(path)).config.listeners[0]!.endpoint), 8081);
});

test('problems of a module name the file and the path in the value', async () => {
  const path = file('bad.mjs', `export default { listeners: [{ address: 8080 }], pools: {} };\n`);
  assert.equal(
    await refusal(path),
    `bad.mjs: listeners[0].address: 8080 is not a listen address.
  Expected IP:PORT, [IPv6]:PORT, :PORT or unix:/PATH, such as 0.0.0.0:8080. Did you mean ':8080'?`,
  );
});

test('a module without a default export, or that throws, is refused', async () => {
  assert.equal(
    await refusal(file('named.mjs', 'export const config = {};\n')),
    'named.mjs: The module has no default export.\n  Expected: export default defineConfig({ ... }).',
  );
  assert.equal(
    await refusal(file('throws.mjs', 'export default {};\nthrow new Error("no secret set");\n')),
    'throws.mjs:2:7: The module cannot be loaded: no secret set.',
  );
});

test('a syntax error in a module is told with its line', async () => {
  const message = await refusal(file('broken.mjs', 'export default {\n  a: 1\n  b: 2\n};\n'));
  assert.equal(message, "broken.mjs:3:3: The module cannot be loaded: Expected ',', got 'ident'.");
});

test('a file that is missing, a directory, not UTF-8 or of an unknown kind is refused by name', async () => {
  assert.equal(
    await refusal(join(directory, 'nowhere.yaml')),
    'nowhere.yaml: The file does not exist.\n  Expected the name of a configuration file.',
  );
  assert.equal(
    await refusal(join(directory, 'nowhere.mjs')),
    'nowhere.mjs: The file does not exist.\n  Expected the name of a configuration file.',
  );
  mkdirSync(join(directory, 'folder.yaml'));
  assert.match(await refusal(join(directory, 'folder.yaml')), /^folder.yaml: This is a directory\./);
  assert.match(
    await refusal(file('latin.yaml', Uint8Array.of(0x61, 0xe9, 0x0a))),
    /^latin.yaml: The file is not UTF-8\./,
  );
  assert.match(await refusal(file('shop.toml', '')), /^shop.toml: '.toml' is not a known kind of configuration\./);
});

test('a file that this user may not read is refused by name', async (context) => {
  if (process.getuid?.() === 0) return context.diagnostic('the superuser may read everything');
  const path = file('secret.yaml', YAML);
  chmodSync(path, 0o000);
  assert.match(await refusal(path), /^secret.yaml: The file may not be read by this user\./);
});

test('a value is checked like a file', () => {
  assert.throws(() => checkValue({ listeners: [] }), ConfigError);
  assert.throws(() => checkValue(undefined), /config: The configuration is empty\./);
});

test('keys that every object has are no options and no pools', () => {
  const text = '{ "listeners": [{ "address": ":1" }], "pools": {}, "__proto__": {}, "constructor": 1 }';
  assert.throws(
    () => parseConfig(text, 'a.json'),
    /'__proto__' is not an option here.*'constructor' is not an option here/s,
  );
  const route = 'routes: [{ rules: [{ pool: toString }] }]';
  assert.throws(
    () => parseConfig(`listeners: [{ address: ":1" }]\n${route}\npools: { a: { servers: [] } }\n`, 'a.yaml'),
    /There is no pool 'toString'/,
  );
});

test('every method that a match may name is one that the parser knows', () => {
  for (const method of METHODS) assert.ok(METHOD_NAMES.includes(method), method);
});

test('a computed configuration has no lines', () => {
  const { source } = checkValue(
    { listeners: [{ address: ':1', protocol: 'tcp', pool: 'a' }], pools: { a: { servers: [] } } },
    'sevenfold.config.ts',
  );
  assert.deepEqual(source.placeOf(['pools', 'a']), { file: 'sevenfold.config.ts', line: 0, column: 0 });
});

test('a short token is used, with a warning that it can be guessed', () => {
  const text = (token: string): string => `${YAML}admin: { address: "127.0.0.1:9901", token: ${token} }\n`;
  assert.deepEqual(parseConfig(text('a-token-of-enough-length'), 'shop.yaml').warnings, []);
  const { config, warnings } = parseConfig(text('short'), 'shop.yaml');
  assert.equal(config.admin?.token, 'short');
  assert.deepEqual(
    warnings.map(({ found, expected }) => [found, expected]),
    [['The token has 5 characters and can be guessed.', 'Expected at least 16.']],
  );
});
