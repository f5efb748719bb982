// Names of hosts, as DNS, TLS and the Host field have them: the one place that says what may be one.

/** Longest name, in bytes of its text. */
export const HOST_NAME_BYTES_MAX = 253;

const LABEL = /^[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?$/;

/** True for a name that DNS could resolve: labels of letters, digits, `-` and `_`, with dots between them. */
export function isHostName(name: string): boolean {
  return name.length <= HOST_NAME_BYTES_MAX && name.split('.').every((label) => LABEL.test(label));
}

/** True for what requests can be matched by: a host name, `*.` and a domain, or an IPv6 address in brackets. */
export function isHostPattern(text: string): boolean {
  return isHostName(text.startsWith('*.') ? text.slice(2) : text) || /^\[[0-9A-Fa-f:.]+\]$/.test(text);
}
