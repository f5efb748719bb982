// The hosts file (hosts(5)): names that this machine knows without asking the DNS.
// Owns reading it, and reading it again after it changed. Leaves all other names to resolvers.ts.

import { readFileSync, statSync } from 'node:fs';
import { isIP } from 'node:net';

/** All addresses by name, in lower case, in the order of the file. */
export function readHosts(text: string): Map<string, string[]> {
  const hosts = new Map<string, string[]>();
  for (const line of text.split('\n')) {
    const [address, ...names] = line.replace(/#.*/, '').trim().split(/\s+/);
    if (address === undefined || isIP(address) === 0) continue;
    for (const name of names) {
      const key = name.toLowerCase();
      const known = hosts.get(key);
      if (known === undefined) hosts.set(key, [address]);
      else if (!known.includes(address)) known.push(address);
    }
  }
  return hosts;
}

/** One hosts file. A file that is not there, or cannot be read, knows no name. */
export class HostsFile {
  readonly #path: string;
  #version = '';
  #hosts = new Map<string, string[]>();

  constructor(path: string) {
    this.#path = path;
  }

  /** The addresses of `host`; undefined when the file does not name it. Looks at the file each time, reads it after a change. */
  addresses(host: string): readonly string[] | undefined {
    try {
      const { ino, size, mtimeMs } = statSync(this.#path);
      const version = `${ino} ${size} ${mtimeMs}`;
      if (version !== this.#version) this.#hosts = readHosts(readFileSync(this.#path, 'utf8'));
      this.#version = version;
    } catch {
      this.#version = '';
      this.#hosts.clear();
    }
    return this.#hosts.get(host.toLowerCase().replace(/\.$/, ''));
  }
}
