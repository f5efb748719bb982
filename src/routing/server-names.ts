// Finds what a server name leads to: an exact name first, then the longest wildcard.
// Owns the order in which names win, the same as for hosts of requests. Leaves what they lead to to the caller.

/** Names and what they lead to. Asked once per connection; the cost is the number of labels in the name asked for. */
export class ServerNames<Target> {
  readonly #exact = new Map<string, Target>();
  /** Without the asterisk: `.example.com`. */
  readonly #wildcards = new Map<string, Target>();

  /** Adds `shop.example.com`, or `*.example.com` for every name below it. Of equal names the first one counts. */
  add(hostname: string, target: Target): void {
    const name = hostname.toLowerCase();
    const names = name.startsWith('*.') ? this.#wildcards : this.#exact;
    const key = name.startsWith('*.') ? name.slice(1) : name;
    if (!names.has(key)) names.set(key, target);
  }

  /** What `serverName` leads to; undefined when no name is for it. Its case and one closing dot do not matter. */
  find(serverName: string): Target | undefined {
    const name = serverName.toLowerCase().replace(/\.$/, '');
    const exact = this.#exact.get(name);
    if (exact !== undefined) return exact;
    for (let dot = name.indexOf('.', 1); dot >= 0; dot = name.indexOf('.', dot + 1)) {
      const target = this.#wildcards.get(name.slice(dot));
      if (target !== undefined) return target;
    }
    return undefined;
  }
}
