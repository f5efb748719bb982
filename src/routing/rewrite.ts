// Puts another prefix in the place of the one that a rule matched, for URLRewrite and RequestRedirect.
// Owns what becomes of the slashes between the two. Leaves the query, and sending the result, to the worker.

const SLASH = 0x2f;

/**
 * Writes `value`, then what the path at `at` has after its first `prefixBytes` bytes (Matcher.prefixBytes).
 *
 * Exactly one slash stands between the two, and `/foo` with `/` for `/foo` is `/`:
 *
 *   prefix /foo   path /foo/bar   value /xyz, /xyz/  ► /xyz/bar       value /  ► /bar
 *                 path /foo       value /xyz         ► /xyz           value /  ► /
 *
 * @param value  begins with `/`; see PathModifierPlan.
 * @param out    needs `value.length + length` bytes of room from `outAt` on. Must not overlap the input.
 * @returns      the number of bytes written.
 */
export function replacePrefix(
  bytes: Uint8Array,
  at: number,
  length: number,
  prefixBytes: number,
  value: Uint8Array,
  out: Uint8Array,
  outAt: number,
): number {
  const end = at + length;
  let from = at + prefixBytes;
  let to = outAt;
  for (let i = 0; i < value.length; i++) out[to++] = value[i]!;
  if (from < end && bytes[from] === SLASH && out[to - 1] === SLASH) from++;
  while (from < end) out[to++] = bytes[from++]!;
  return to - outAt;
}
