// Configurations for the tests of the commands: written to a directory that goes away with the process's tests.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';

const directory = mkdtempSync(join(tmpdir(), 'sevenfold-cli-'));
after(() => rmSync(directory, { recursive: true }));

/** Writes a file and gives its name. */
export function file(name: string, text: string): string {
  const path = join(directory, name);
  writeFileSync(path, text);
  return path;
}

/** What a command said, without the directory that nobody can know. */
export function plain(text: string): string {
  return text.replaceAll(`${directory}/`, '');
}

/** A shop: images, an API with a canary, everything else redirected. */
export const SHOP = `listeners:
  - address: 0.0.0.0:8080
routes:
  - hostnames: [shop.example.com, "*.shop.example.com"]
    rules:
      - name: images
        matches: [{ path: { value: /images } }]
        pool: images
      - name: canary
        matches:
          - path: { value: /api }
            method: POST
            headers: [{ name: Accept, type: Contains, value: json }]
            cookies: [{ name: beta, value: "true" }]
        filters:
          - { type: RequestHeaderModifier, requestHeaderModifier: { set: [{ name: X-Tier, value: beta }] } }
        backendRefs: [{ pool: api, weight: 9 }, { pool: api-next, weight: 1 }]
        timeouts: { request: 10s }
      - matches: [{ path: { value: /api }, clientAddress: 10.0.0.0/8 }]
        pool: api
  - hostnames: [old.example.com]
    rules:
      - filters:
          - { type: RequestRedirect, requestRedirect: { hostname: shop.example.com, statusCode: 308 } }
pools:
  api: { servers: [{ address: 10.0.0.11:3000, weight: 2 }, { address: 10.0.0.12:3000 }] }
  api-next: { servers: [{ address: 10.0.0.13:3000 }] }
  images: { servers: [{ address: "unix:/run/images.sock" }] }
`;

/** Raw listeners: two that lead by name, one that leads all to one pool. */
export const RAW = `listeners:
  - address: ":8443"
    protocol: tls-passthrough
    tlsRoutes:
      - { hostnames: ["*.example.com"], backendRefs: [{ pool: api, weight: 9 }, { pool: shop }] }
      - { hostnames: [Shop.example.com, "*.eu.example.com"], pool: shop }
    pool: others
  - { address: ":8444", protocol: tls-passthrough, tlsRoutes: [{ hostnames: [shop.example.com], pool: shop }] }
  - { address: ":9000", protocol: tcp, pool: others }
pools:
  shop: { servers: [{ address: "10.0.0.11:443" }] }
  api: { servers: [{ address: "10.0.0.12:443" }] }
  others: { servers: [{ address: "10.0.0.14:443" }] }
`;
