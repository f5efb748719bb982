// The place of a request by https: what a redirect of a whole listener names.
// Owns the text. Leaves sending it to the worker, and telling of it to explain.

/** What such a redirect is answered with: it keeps the method and the body, unlike 301 (RFC 9110, 15.4.9). */
export const HTTPS_REDIRECT_STATUS = 308;

const HTTPS_PORT = 443;

/** Where `target`, a path with its query, is served by https at `port`. A port in `host` is dropped. */
export function httpsLocation(host: string, target: string, port: number): string {
  const path = target.startsWith('/') ? target : target === '*' ? '/' : `/${target}`;
  return `https://${host.replace(/:\d*$/, '')}${port === HTTPS_PORT ? '' : `:${port}`}${path}`;
}
