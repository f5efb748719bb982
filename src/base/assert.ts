// Assertions about our own code, on in production too: each costs about a nanosecond.
// For what we control alone. Bytes of clients, servers and the kernel never reach one: they get a reason (http/reasons.ts).

/** Our own code broke a rule of its own. A worker that throws it ends, and is started again. */
export class AssertionError extends Error {
  override readonly name = 'AssertionError';
}

/** Throws an AssertionError that says `says` unless `holds`. A constant text: nothing is built when all is well. Hot. */
export function assert(holds: boolean, says: string): asserts holds {
  if (!holds) throw new AssertionError(says);
}
