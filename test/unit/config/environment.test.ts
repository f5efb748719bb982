// Variables of the environment in a configuration: what they become, what wins, and where mistakes are said to be.

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { portOf } from '../../../src/base/endpoint.js';
import { formatProblem, Refusal } from '../../../src/base/problems.js';
import { ConfigError } from '../../../src/config/config-error.js';
import { expand } from '../../../src/config/environment.js';
import { loadConfig, parseConfig } from '../../../src/config/load.js';
import { filterTypes } from '../../../src/filters/registry.js';
import { compile } from '../../../src/routing/compile.js';
import { scratchDirectory } from '../../support/addresses.js';

/** `$` in front of a brace, which a template would read. */
const v = (inside: string): string => `$\{${inside}}`;
const ENVIRONMENT = { HOST: 'app', EMPTY: '', TEXT: `a ${v('HOST')} b`, clientAddress: '10.9.9.9' };
const OWN = ['clientAddress', 'clientPort'];

function expanded(text: string, own?: readonly string[]): string {
  const result = expand(text, own, ENVIRONMENT);
  return result instanceof Refusal ? `${result.found} ${result.expected}` : result.text;
}

test('variables are filled in, with defaults where they are not set or empty, and are not read again', () => {
  assert.equal(expanded('plain $text }'), 'plain $text }');
  assert.equal(expanded(`${v('HOST')}.internal:${v('PORT:-80')}`), 'app.internal:80');
  assert.equal(expanded(`[${v('EMPTY')}|${v('EMPTY:-none')}|${v('NOT_SET:-')}]`), '[|none|]');
  assert.equal(expanded(v('TEXT')), `a ${v('HOST')} b`);
  assert.equal(expanded(`$${v('HOST')} $$${v('HOST')}`), `${v('HOST')} $${v('HOST')}`);
});

test('variables of a header value come before the environment, and their escapes are left to them', () => {
  assert.equal(expanded(`${v('clientAddress')} ${v('HOST')}`, OWN), `${v('clientAddress')} app`);
  assert.equal(expanded(v('clientAddress')), '10.9.9.9');
  assert.equal(expanded(`$${v('HOST')}`, OWN), `$${v('HOST')}`);
  assert.equal(expanded(v('TEXT'), OWN), `a $${v('HOST')} b`);
});

test('what is no variable, or is not set, is refused with what to write', () => {
  assert.equal(
    expanded(`http://${v('PORT')}`),
    `The environment variable 'PORT' is not set. Set it, give a default with ${v('PORT:-default')}, or write $${v('PORT')} for the plain text.`,
  );
  for (const wrong of [v('a.b'), v(''), v('PORT:?say'), v('1'), v('PORT').slice(0, -1)])
    assert.match(expanded(wrong), /is no variable\. Expected \$\{NAME\} or \$\{NAME:-default\}/, wrong);
  assert.match(
    expanded(v('clientAdress'), OWN),
    /^There is no variable 'clientAdress'.* Did you mean clientAddress\?$/,
  );
});

/** Runs `what` with these variables set. */
async function withVariables<T>(variables: Readonly<Record<string, string>>, what: () => T | Promise<T>): Promise<T> {
  Object.assign(process.env, variables);
  try {
    return await what();
  } finally {
    for (const name of Object.keys(variables)) delete process.env[name];
  }
}

const YAML = `listeners:
  - address: ":${v('SF_PORT')}"
routes:
  - hostnames: ["${v('SF_SITE')}"]
    rules:
      - filters:
          - type: RequestHeaderModifier
            requestHeaderModifier:
              set: [{ name: X-From, value: "${v('clientAddress')} by ${v('SF_SITE')} $${v('SF_SITE')}" }]
        pool: api
        timeouts: { request: "${v('SF_TIMEOUT:-90')}s" }
pools:
  api:
    servers:
      - address: "${v('SF_SITE')}:80"
        weight: ${v('SF_WEIGHT:-7')}
        backup: false
    sessionPersistence: { secret: "${v('SF_SECRET')}" }
trustedProxies:
  - ${v('SF_PROXIES')}
`;
const SET = { SF_PORT: '8080', SF_SITE: 'shop.test', SF_SECRET: '0123456789012345', SF_PROXIES: '10.0.0.0/8' };

test('every kind of value takes them, in YAML, JSON and modules', async () => {
  const json = JSON.stringify({
    listeners: [{ address: `:${v('SF_PORT')}` }],
    routes: [{ rules: [{ pool: 'api' }] }],
    pools: { api: { servers: [{ address: `${v('SF_SITE')}:80`, weight: v('SF_WEIGHT:-7') }] } },
    limits: { connectionsMax: v('SF_PORT') },
    trustedProxies: [v('SF_PROXIES')],
  });
  const module = join(scratchDirectory(), 'config.mjs');
  writeFileSync(module, `export default ${json};`);
  await withVariables(SET, async () => {
    const yaml = parseConfig(YAML, 'shop.yaml').config;
    assert.equal(yaml.pools.api!.options.session!.secret, '0123456789012345', 'a text of digits stays a text');
    assert.equal(yaml.routes[0]!.rules[0]!.timeouts!.request, 90_000);
    const { rules } = compile(yaml, { filterTypes });
    assert.deepEqual(rules[0]!.filters, [
      {
        type: 'RequestHeaderModifier',
        modifier: {
          set: [{ name: 'X-From', parts: [{ variable: 'clientAddress' }, ` by shop.test ${v('SF_SITE')}`] }],
          add: [],
          remove: [],
        },
      },
    ]);
    for (const config of [yaml, parseConfig(json, 'shop.json').config, (await loadConfig(module)).config]) {
      assert.equal(portOf(config.listeners[0]!.endpoint), 8080);
      assert.deepEqual(config.trustedProxies, ['10.0.0.0/8']);
      const [server] = config.pools.api!.servers;
      assert.deepEqual([server!.address, server!.weight], ['shop.test:80', 7]);
    }
  });
});

test('a mistake is told at the line of its value, and where the value came from', async () => {
  const said = async (variables: Readonly<Record<string, string>>): Promise<string> => {
    try {
      await withVariables(variables, () => parseConfig(YAML, 'shop.yaml'));
      return '';
    } catch (error) {
      if (error instanceof ConfigError) return error.problems.map(formatProblem).join('\n');
      throw error;
    }
  };
  const { SF_PORT: _, ...others } = SET;
  assert.match(
    await said(others),
    /^shop\.yaml:2:14: listeners\[0\]\.address: The environment variable 'SF_PORT' is not set\.\n/,
  );
  assert.equal(
    await said({ ...SET, SF_WEIGHT: 'heavy' }),
    `shop.yaml:16:17: pools.api.servers[0].weight: 'heavy' is not a weight.\n  Expected a whole number from 0 to 1000. The value comes from ${v('SF_WEIGHT')}.`,
  );
});
