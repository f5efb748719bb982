// Server names: exact before wildcard, the longest wildcard, the first of equal ones.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ServerNames } from '../../../src/routing/server-names.js';

const names = new ServerNames<string>();
for (const [hostname, target] of [
  ['*.example.com', 'short'],
  ['*.eu.Example.com', 'long'],
  ['Shop.example.com', 'exact'],
  ['shop.example.com', 'second'],
  ['*.com', 'shortest'],
] as const) {
  names.add(hostname, target);
}

for (const [asked, found] of [
  ['shop.example.com', 'exact'],
  ['SHOP.EXAMPLE.COM', 'exact'],
  ['shop.example.com.', 'exact'],
  ['www.shop.example.com', 'short'],
  ['a.example.com', 'short'],
  ['a.b.example.com', 'short'],
  ['a.eu.example.com', 'long'],
  ['a.b.eu.example.com', 'long'],
  ['eu.example.com', 'short'],
  ['example.com', 'shortest'],
  ['com', undefined],
  ['.com', undefined],
  ['.', undefined],
  ['', undefined],
  ['example.org', undefined],
  ['*.example.com', 'short'],
  ['xshop.example.comx', undefined],
] as const) {
  test(`'${asked}' leads to ${found ?? 'nobody'}`, () => assert.equal(names.find(asked), found));
}
