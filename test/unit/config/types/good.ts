// A configuration that must type-check, with every way to name a pool.

import { defineConfig } from '../../../../src/config/define.js';

export default defineConfig({
  listeners: [{ address: ':8080' }, { address: ':9000', protocol: 'tcp', pool: 'api' }],
  routes: [
    {
      hostnames: ['shop.example.com'],
      rules: [
        { matches: [{ path: { value: '/images' } }], pool: 'images' },
        {
          backendRefs: [{ pool: 'api', weight: 9 }, { pool: 'images' }],
          filters: [{ type: 'RequestMirror', requestMirror: { pool: 'images', percent: 1 } }],
          timeouts: { request: '1.5s', backendRequest: '500ms' },
        },
      ],
    },
  ],
  pools: {
    api: { balance: 'least-requests', servers: [{ address: '10.0.0.11:3000' }] },
    images: { servers: [{ address: 'unix:/run/images.sock' }] },
  },
  limits: { headBytesMax: '8KiB', bodyBytesMax: 0 },
  timeouts: { request: 0 },
  tests: [{ request: 'GET http://shop.example.com/images/cat.png', expect: { pool: 'images' } }],
});

export const withoutPools = defineConfig({
  listeners: [{ address: ':8080' }],
  routes: [{ rules: [{ filters: [{ type: 'DirectResponse', directResponse: { status: 404 } }] }] }],
  timeouts: { idle: '1m30s', drain: '1h30m10s' },
});
