import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { mock, test } from 'node:test';
import { resolverAt, type System, systemResolver } from '../../../src/health/resolvers.js';
import { start as startDns } from '../../origins/dns.js';
import { scratchDirectory } from '../../support/addresses.js';
import { use } from '../../support/proxy.js';

const silent = (): Promise<never> => new Promise(() => {});
const notFound = () => Promise.reject(Object.assign(new Error('ENOTFOUND'), { code: 'ENOTFOUND' }));

/** A system whose DNS answers as `dns` says: nothing at all unless told otherwise. */
function system(wish: { hosts?: string; lookup?: System['lookup']; dns?: Partial<System['dns']> } = {}): System {
  const hostsFile = join(scratchDirectory(), 'hosts');
  writeFileSync(hostsFile, wish.hosts ?? '');
  const dns = { resolve4: silent, resolve6: silent, resolveSrv: silent, ...wish.dns } as System['dns'];
  return { hostsFile, lookup: wish.lookup ?? silent, dns };
}

test('finds a name of the hosts file at once, though the DNS keeps silent', async () => {
  const resolver = systemResolver(system({ hosts: '10.0.0.1 app\n10.0.0.2 app\n' }));
  assert.deepEqual(await resolver.addresses('app'), { addresses: ['10.0.0.1', '10.0.0.2'], ttlSeconds: null });
});

test('takes addresses from the system and their lifetime from the DNS, if that says it in time', async (t) => {
  const lookup = () => Promise.resolve(['10.0.0.1']);
  const dns = { resolve4: async () => [{ address: '10.0.0.1', ttl: 7 }], resolve6: notFound } as never;
  assert.deepEqual(await systemResolver(system({ lookup, dns })).addresses('app'), {
    addresses: ['10.0.0.1'],
    ttlSeconds: 7,
  });
  mock.timers.enable({ apis: ['setTimeout'] });
  t.after(() => mock.timers.reset());
  const late = systemResolver(system({ lookup })).addresses('app');
  await Promise.resolve();
  await Promise.resolve();
  mock.timers.tick(1000);
  assert.deepEqual(await late, { addresses: ['10.0.0.1'], ttlSeconds: null });
});

test('fails as the system does, whatever becomes of the question for the lifetime', async () => {
  const dns = { resolve4: notFound, resolve6: notFound } as never;
  await assert.rejects(systemResolver(system({ lookup: notFound, dns })).addresses('app'), { code: 'ENOTFOUND' });
});

test('a DNS server that answers one kind of record and never the other is good enough', async (t) => {
  const dns = await use(t, startDns());
  dns.addresses.set('app.example', ['10.0.0.7']);
  dns.silentAbout.add('AAAA');
  assert.deepEqual(await resolverAt([dns.address]).addresses('app.example'), {
    addresses: ['10.0.0.7'],
    ttlSeconds: 1,
  });
});
