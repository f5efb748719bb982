// Who is asked for names: this machine (its hosts file, then its resolver), or DNS servers of the configuration.
// Owns bounding how long one answer may hold up another. Leaves when to ask, and what to make of it, to discovery.ts.

import { Resolver as DnsResolver, lookup } from 'node:dns/promises';
import { HostsFile } from './hosts-file.js';

/** DNS records of a name. Errors have the codes of node:dns. */
export interface Resolver {
  /** All IPv4 and IPv6 addresses, and their TTL in seconds, or null when it is unknown. */
  addresses(host: string): Promise<{ addresses: string[]; ttlSeconds: number | null }>;
  services(name: string): Promise<{ name: string; port: number; priority: number; weight: number }[]>;
}

/** One question to one DNS server, in milliseconds, and how often all of them are asked; the wait doubles each time. */
const DNS_TIMEOUT_MS = 1000;
const DNS_TRIES = 3;
/** Once one half of an answer is there, the other half is waited for no longer than this, in milliseconds. */
const OTHER_HALF_MS = 1000;
/** What of the system `systemResolver` is made of. */
export interface System {
  /** getaddrinfo(3): the hosts file, search domains, whatever nsswitch.conf(5) names. */
  lookup(host: string): Promise<string[]>;
  dns: Pick<DnsResolver, 'resolve4' | 'resolve6' | 'resolveSrv'>;
  hostsFile: string;
}

function realSystem(): System {
  return {
    lookup: async (host) => (await lookup(host, { all: true })).map(({ address }) => address),
    dns: new DnsResolver({ timeout: DNS_TIMEOUT_MS, tries: DNS_TRIES }),
    hostsFile: '/etc/hosts',
  };
}

/**
 * The system's resolver. Addresses come from where every program on this host gets them (hosts file, search domains);
 * their lifetime from the DNS, which alone knows it. A name in the hosts file is answered from there at once: getaddrinfo
 * would do the same, but queued behind names that a silent DNS keeps waiting: libuv asks for two names at a time.
 */
export function systemResolver(system: System = realSystem()): Resolver {
  const hosts = new HostsFile(system.hostsFile);
  return {
    async addresses(host) {
      const known = hosts.addresses(host);
      if (known !== undefined) return { addresses: [...known], ttlSeconds: null };
      const records = recordsOf(system.dns, host).catch(() => []);
      const found = await system.lookup(host);
      const ttls = (await within(OTHER_HALF_MS, records, [])).map(({ ttl }) => ttl);
      return { addresses: [...new Set(found)], ttlSeconds: ttls.length === 0 ? null : Math.min(...ttls) };
    },
    services: (name) => system.dns.resolveSrv(name),
  };
}

/** Asks these DNS servers, in this order, and nothing else of the system. */
export function resolverAt(nameservers: readonly string[]): Resolver {
  const dns = new DnsResolver({ timeout: DNS_TIMEOUT_MS, tries: DNS_TRIES });
  dns.setServers(nameservers);
  return {
    async addresses(host) {
      const records = await recordsOf(dns, host);
      return {
        addresses: [...new Set(records.map(({ address }) => address))],
        ttlSeconds: Math.min(...records.map(({ ttl }) => ttl)),
      };
    },
    services: (name) => dns.resolveSrv(name),
  };
}

/** A and AAAA records of a name. A DNS server that keeps silent about one kind does not hold up the other for long. */
async function recordsOf(dns: System['dns'], host: string) {
  const four = dns.resolve4(host, { ttl: true });
  const six = dns.resolve6(host, { ttl: true });
  const first = await Promise.any([four, six]).catch(() => null);
  // Neither kind: what was said about the first is as good a reason as the other.
  if (first === null) return four;
  const halves = [four, six].map((half) =>
    within(
      OTHER_HALF_MS,
      half.catch(() => []),
      [],
    ),
  );
  return (await Promise.all(halves)).flat();
}

/** What `promise` brings, or `instead` when that takes longer than `ms`. */
async function within<T>(ms: number, promise: Promise<T>, instead: T): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<T>((resolve) => {
    timer = setTimeout(resolve, ms, instead);
    timer.unref();
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}
