// CORS as the Gateway API has it: what a page of an origin gets, by a table of cases, on one proxy.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { start as startAnswers } from '../origins/answers.js';
import { ok, type RawOrigin } from '../origins/raw.js';
import { statusOf } from '../support/messages.js';
import { describeProduct, type RunningProxy, startProxy } from '../support/proxy.js';
import { askThrough } from '../support/wire-client.js';

const SHOP = 'https://shop.example';
const policies: Record<string, object> = {
  exact: { allowOrigins: [SHOP, 'http://localhost:3000'], allowMethods: ['PUT', 'DELETE'], allowHeaders: ['X-Tier'] },
  below: { allowOrigins: ['https://*.shop.example'], exposeHeaders: ['X-A', 'X-B'], maxAge: '10m' },
  any: { allowOrigins: ['*'], allowMethods: ['*'], allowHeaders: ['*'], exposeHeaders: ['*'] },
  credentials: { allowOrigins: [SHOP], allowCredentials: true, allowMethods: ['*'], allowHeaders: ['*'] },
};

/** Names of CORS fields without `Access-Control-`, and Vary, with their values. */
type Fields = Record<string, string>;
const VARY = { Vary: 'Origin' };
const preflight = (origin: string, method = 'PUT', ...more: string[]): string[] => [
  'OPTIONS',
  `Origin: ${origin}`,
  `Access-Control-Request-Method: ${method}`,
  ...more,
];
const asks = (names: string): string => `Access-Control-Request-Headers: ${names}`;

/** Policy, request (method, then lines), status, whether a server sees it, and the fields of the response. */
const CASES: [name: string, policy: string, request: string[], status: number, fields: Fields][] = [
  [
    'a preflight of an origin that is listed',
    'exact',
    preflight(SHOP, 'PUT', asks('x-tier')),
    204,
    { ...VARY, 'Allow-Origin': SHOP, 'Allow-Methods': 'PUT, DELETE', 'Allow-Headers': 'X-Tier', 'Max-Age': '5' },
  ],
  [
    'no headers asked for: none named',
    'exact',
    preflight(SHOP),
    204,
    { ...VARY, 'Allow-Origin': SHOP, 'Allow-Methods': 'PUT, DELETE', 'Max-Age': '5' },
  ],
  ['a preflight of a stranger', 'exact', preflight('https://evil.example'), 204, VARY],
  ['another scheme', 'exact', preflight('http://shop.example'), 204, VARY],
  ['another port', 'exact', preflight(`${SHOP}:8443`), 204, VARY],
  ['the port of the scheme', 'exact', ['GET', `Origin: ${SHOP}:443`], 200, { ...VARY, 'Allow-Origin': `${SHOP}:443` }],
  [
    'a port that is listed',
    'exact',
    ['GET', 'Origin: http://localhost:3000'],
    200,
    { ...VARY, 'Allow-Origin': 'http://localhost:3000' },
  ],
  ['a name that ends like one', 'exact', preflight('https://notshop.example'), 204, VARY],
  ['a name that begins like one', 'exact', preflight(`${SHOP}.evil.example`), 204, VARY],
  ['the origin null', 'exact', preflight('null'), 204, VARY],
  [
    'one label below',
    'below',
    ['GET', 'Origin: https://a.shop.example'],
    200,
    { ...VARY, 'Allow-Origin': 'https://a.shop.example', 'Expose-Headers': 'X-A, X-B' },
  ],
  [
    'two labels below',
    'below',
    preflight('https://b.a.shop.example'),
    204,
    { ...VARY, 'Allow-Origin': 'https://b.a.shop.example', 'Max-Age': '600' },
  ],
  ['not below', 'below', ['GET', `Origin: ${SHOP}`], 200, VARY],
  ['a stranger passes, and may not read', 'exact', ['GET', 'Origin: https://evil.example'], 200, VARY],
  ['no origin', 'exact', ['GET'], 200, VARY],
  ['two origins', 'exact', ['GET', `Origin: ${SHOP}`, `Origin: ${SHOP}`], 200, VARY],
  [
    'OPTIONS without a method asked for is none',
    'exact',
    ['OPTIONS', `Origin: ${SHOP}`],
    200,
    { ...VARY, 'Allow-Origin': SHOP },
  ],
  [
    'all without credentials',
    'any',
    ['GET', 'Origin: https://x.example'],
    200,
    { 'Allow-Origin': '*', 'Expose-Headers': '*' },
  ],
  [
    'a preflight of all',
    'any',
    preflight('https://x.example', 'PATCH', asks('x-a')),
    204,
    { 'Allow-Origin': '*', 'Allow-Methods': '*', 'Allow-Headers': '*', 'Max-Age': '5' },
  ],
  [
    'with credentials what was asked for is named',
    'credentials',
    preflight(SHOP, 'PATCH', asks('x-a, x-b')),
    204,
    {
      ...VARY,
      'Allow-Origin': SHOP,
      'Allow-Credentials': 'true',
      'Allow-Methods': 'PATCH',
      'Allow-Headers': 'x-a, x-b',
      'Max-Age': '5',
    },
  ],
  [
    'with credentials, simple',
    'credentials',
    ['GET', `Origin: ${SHOP}`],
    200,
    { ...VARY, 'Allow-Origin': SHOP, 'Allow-Credentials': 'true' },
  ],
  [
    'what is no list of names is not echoed',
    'credentials',
    preflight(SHOP, 'PA TCH', asks('x-a; x')),
    204,
    { ...VARY, 'Allow-Origin': SHOP, 'Allow-Credentials': 'true', 'Max-Age': '5' },
  ],
  ['a refusal of ours can be read too', 'limited', ['GET', `Origin: ${SHOP}`], 429, { ...VARY, 'Allow-Origin': SHOP }],
];

describeProduct('CORS', () => {
  let origin: RawOrigin;
  let proxy: RunningProxy;
  before(async () => {
    const own = ['Access-Control-Allow-Origin: https://server.example', 'Access-Control-Allow-Credentials: true'];
    origin = await startAnswers((_, visit) => void visit.socket.write(ok('fine', ...own)));
    const rule = (name: string, ...filters: object[]): object => ({
      matches: [{ path: { value: `/${name}` } }],
      filters,
      pool: 'main',
    });
    const cors = (policy: object): object => ({ type: 'CORS', cors: policy });
    proxy = await startProxy({
      routes: [
        {
          rules: [
            ...Object.entries(policies).map(([name, policy]) => rule(name, cors(policy))),
            rule('limited', cors(policies.exact!), { type: 'RateLimit', rateLimit: { rate: '1/d', key: [] } }),
          ],
        },
      ],
      pools: { main: { servers: [{ address: origin.address }] } },
    });
    await askThrough(origin, proxy.place, 'GET /limited HTTP/1.1\r\nHost: a.example\r\n\r\n');
  });
  after(async () => {
    await proxy.stop();
    await origin.close();
  });

  for (const [name, policy, [method, ...lines], status, fields] of CASES) {
    test(`${name} (${policy})`, async () => {
      const head = [`${method} /${policy} HTTP/1.1`, 'Host: api.example', ...lines, '', ''].join('\r\n');
      const { request, response } = await askThrough(origin, proxy.place, head);
      assert.equal(statusOf(response), status);
      assert.equal(request !== undefined, status === 200, 'only what is no preflight reaches a server');
      const got = response.fields.filter(([field]) => /^(access-control-|vary$)/i.test(field));
      const wanted = Object.entries(fields).map(([field, value]) => {
        return [field === 'Vary' ? 'vary' : `access-control-${field.toLowerCase()}`, value];
      });
      assert.deepEqual(got.map(([field, value]) => [field.toLowerCase(), value]).sort(), wanted.sort());
    });
  }
});
