// Somebody else's proxy, running already, and its origin: measured from outside.
// The only contestants that may be anywhere but on this machine.
import type { BenchOptions } from '../options.js';
import type { Contestant } from './contestant.js';

/** The target of --target, preceded by the origin of --origin when it is told. */
export function targetContestants(options: BenchOptions): Contestant[] {
  const contestants: Contestant[] = [];
  if (options.origin !== undefined) contestants.push(remote('direct', 'direct', options.origin, undefined));
  if (options.target !== undefined) contestants.push(remote('target', 'target', options.target, options.targetPid));
  return contestants;
}

function remote(id: string, mode: 'direct' | 'target', url: URL, pid: number | undefined): Contestant {
  const scheme = url.protocol === 'https:' ? 'https' : 'http';
  const port = url.port === '' ? (scheme === 'https' ? 443 : 80) : Number(url.port);
  // URL keeps the brackets of an IPv6 address; sockets want it without.
  const host = url.hostname.replace(/^\[|\]$/g, '');
  return {
    id,
    family: id,
    mode,
    scheme,
    mainOnly: false,
    missing: () => undefined,
    start: async () => ({ host, port, process: undefined, pid, stop: async () => {} }),
  };
}
