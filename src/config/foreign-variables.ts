// Variables as nginx and HAProxy write them. Here they are plain text: a value that was copied from there is hardly meant so.

import type { DocumentPath } from '../base/document-path.js';
import type { VARIABLES } from '../routing/plan.js';
import type { Scope } from './scope.js';

/** What stands here for a variable of nginx. */
const NGINX: Readonly<Record<string, (typeof VARIABLES)[number]>> = {
  remote_addr: 'clientAddress',
  realip_remote_addr: 'clientAddress',
  host: 'host',
  http_host: 'host',
  request_id: 'requestId',
  request_method: 'method',
  scheme: 'scheme',
  uri: 'path',
  document_uri: 'path',
  request_uri: 'path',
  args: 'query',
  query_string: 'query',
  ssl_server_name: 'serverName',
  ssl_protocol: 'tlsVersion',
  ssl_cipher: 'tlsCipher',
  ssl_client_s_dn: 'clientCertificateSubject',
  ssl_client_fingerprint: 'clientCertificateFingerprint',
};

/** Fields that requests to servers have anyway: no filter has to set them. */
const NEEDLESS = 'Leave it out: X-Forwarded-For is set on every request.';

/** Warns of a header value with a variable of nginx or HAProxy in it. */
export function checkForeignVariables(value: string, at: DocumentPath, scope: Scope): void {
  if (value.includes('$proxy_add_x_forwarded_for')) {
    scope.warn(at, `'$proxy_add_x_forwarded_for' is plain text here.`, NEEDLESS);
    return;
  }
  for (const [text, name = ''] of value.matchAll(/\$([a-z_]+)/g)) {
    const meant = NGINX[name];
    if (meant === undefined) continue;
    scope.warn(at, `'${text}' is plain text here.`, `Expected \${${meant}}, if the variable of nginx is meant.`);
    return;
  }
  if (/%\[[^\]]+\]/.test(value))
    scope.warn(
      at,
      `'${value}' is plain text here.`,
      `Expected variables such as \${${NGINX.remote_addr}}, if a sample fetch of HAProxy is meant.`,
    );
}
