// Checks of matches that no schema can say: paths, expressions, values that could never be found.
// Owns the rules about one match. Leaves routes and rules to semantics-routes.ts.

import type { DocumentPath } from '../base/document-path.js';
import { isHostPattern } from '../base/host-names.js';
import { shown } from '../base/problems.js';
import { normalPathOf } from '../routing/path.js';
import { checkRegex } from './regex.js';
import type { STRING_TYPES } from './schema/matches.js';
import type { ParsedConfig, ParsedMatch } from './schema.js';
import type { Scope } from './scope.js';

/** Reports what is wrong with one match. `listeners` tell what a request can bring. */
export function checkMatch(
  match: ParsedMatch,
  at: DocumentPath,
  listeners: ParsedConfig['listeners'],
  scope: Scope,
): void {
  checkPath(match, at, scope);
  checkStrings(match, at, scope);
  checkConnection(match, at, listeners, scope);
}

function checkPath(match: ParsedMatch, at: DocumentPath, scope: Scope): void {
  const { path } = match;
  if (path?.type === 'RegularExpression') {
    checkRegex(path.value, [...at, 'path', 'value'], scope);
    warnOfPathRegex(path.value, [...at, 'path', 'value'], scope);
  } else if (path !== undefined && !path.value.startsWith('/')) {
    scope.report(
      [...at, 'path', 'value'],
      `'${path.value}' is not a path.`,
      `Expected a path that starts with /. Did you mean /${path.value}?`,
    );
  } else if (path !== undefined && /[?#\s]/.test(path.value)) {
    const queries = path.value.includes('?') ? " Conditions on the query belong into 'queryParams'." : '';
    scope.report(
      [...at, 'path', 'value'],
      `'${path.value}' is not a path.`,
      `Expected a path without ?, # and spaces.${queries}`,
    );
  } else if (path !== undefined) checkNormalForm(path.value, [...at, 'path', 'value'], scope);
}

function checkNormalForm(path: string, at: DocumentPath, scope: Scope): void {
  const normal = normalPathOf(path);
  if (normal === undefined) {
    scope.report(at, `${shown(path)} is not a path that a request can have.`, 'Expected one such as /api.');
  } else if (path !== normal && decodeURI(normal) !== path) {
    // Only percent-encoded is what every client does to such a path: not worth a warning.
    scope.warn(at, `'${path}' is matched as '${normal}'.`, 'Requests are brought into this form. Write it so.');
  }
}

/** Fields that tell servers who a client is by its certificate. */
const IDENTITY = /^(x-client-cert-(verified|subject|san|fingerprint)|client-cert(-chain)?)$/i;

function checkStrings(match: ParsedMatch, at: DocumentPath, scope: Scope): void {
  for (const kind of ['headers', 'queryParams', 'cookies'] as const) {
    for (const [index, condition] of (match[kind] ?? []).entries()) {
      const here = [...at, kind, index];
      checkComparison(condition, here, scope);
      if (kind === 'headers' && condition.name.toLowerCase() === 'host') {
        scope.report(
          [...here, 'name'],
          "A header match names 'Host'.",
          "Expected the host in 'hostnames' of the route.",
        );
      } else if (kind === 'headers' && IDENTITY.test(condition.name)) {
        scope.warn(
          [...here, 'name'],
          `A header match names '${condition.name}', which the client can send as it likes.`,
          "Only the field that servers get can be trusted. Expected 'clientCertificate'.",
        );
      }
    }
  }
}

interface Comparison {
  readonly type: (typeof STRING_TYPES)[number];
  readonly value?: string | undefined;
}

function checkComparison({ type, value }: Comparison, at: DocumentPath, scope: Scope): void {
  if (type === 'Present') {
    if (value !== undefined) {
      scope.report([...at, 'value'], 'A Present match has a value.', "Expected no value. Did you mean 'type: Exact'?");
    }
  } else if (value === undefined) {
    scope.report(at, `'value' is missing.`, `Expected a text that type ${type} compares with, or 'type: Present'.`);
  } else if (type === 'RegularExpression') {
    checkRegex(value, [...at, 'value'], scope);
    warnOfAnchors(value, [...at, 'value'], scope);
  } else if (value === '' && type !== 'Exact') {
    scope.report(
      [...at, 'value'],
      'The text is empty.',
      `Every value has an empty ${emptyPart(type)}. Did you mean 'type: Present'?`,
    );
  }
}

function emptyPart(type: 'Prefix' | 'Suffix' | 'Contains'): string {
  return type === 'Contains' ? 'part' : type.toLowerCase();
}

/** `$`, or any bytes, at the end, also inside groups. */
const CLOSED_OR_OPEN_END = /(?:(?<!\\)\$|(?<!\\)\.[*+]\??)\)*$/;
const CLOSED_END = /(?<!\\)\$\)*$/;
/** A beginning that says what stands in front: `^`, any byte, a set of bytes, the slash of a path. */
const CLOSED_OR_OPEN_START = /^(?:\(\?[a-z]+\))?(?:\((?:\?:)?)*[.^[/]/i;

/** Warns of expressions written for a search, as nginx and HAProxy do it: here the whole value must match. True if it did. */
function warnOfAnchors(source: string, path: DocumentPath, scope: Scope): boolean {
  if (source.startsWith('^') && !CLOSED_OR_OPEN_END.test(source)) {
    scope.warn(
      path,
      `'${source}' has to match the whole value, to its end.`,
      `Write '${source}.*' to let anything follow, or '${source}$' to let nothing follow.`,
    );
    return true;
  }
  if (CLOSED_END.test(source) && !CLOSED_OR_OPEN_START.test(source)) {
    scope.warn(
      path,
      `'${source}' has to match the whole value, from its start.`,
      `Write '.*${source}' to let anything stand in front, or '^${source}' to let nothing stand there.`,
    );
    return true;
  }
  return false;
}

/** Warns of what an expression for paths can hardly mean, too. */
function warnOfPathRegex(source: string, path: DocumentPath, scope: Scope): void {
  if (/^(?:\w|\\\.)/.test(source)) {
    scope.warn(path, `No path begins as '${source}' does.`, `The whole path has to match. Write '.*${source}'.`);
    return;
  }
  if (warnOfAnchors(source, path, scope)) return;
  if (/^\/[\w./-]*$/.test(source)) {
    scope.warn(
      path,
      `'${source}' is a plain path, and matches it alone.`,
      `Write 'type: PathPrefix', 'type: Exact', or '${source}.*' to let anything follow.`,
    );
  } else if (/[^\\]\/$/.test(source)) {
    scope.warn(
      path,
      `'${source}' matches no path that goes on behind its last slash.`,
      `The whole path has to match. Write '${source}.*' to let anything follow, or '${source}$' to let nothing follow.`,
    );
  }
}

/** What the connection tells: it must be able to. */
function checkConnection(
  match: ParsedMatch,
  at: DocumentPath,
  listeners: ParsedConfig['listeners'],
  scope: Scope,
): void {
  const { clientCertificate, scheme, serverName } = match;
  const withTls = listeners.filter(({ protocol }) => protocol === 'https');
  const tlsOnly = (['serverName', 'tlsVersion', 'tlsCipher'] as const).find((key) => match[key] !== undefined);
  const asksForTls = tlsOnly ?? (scheme === 'https' ? 'scheme' : undefined);
  if (asksForTls !== undefined && withTls.length === 0) {
    scope.warn(
      [...at, asksForTls],
      'No listener speaks TLS.',
      "This never holds. Expected a listener of 'protocol: https'.",
    );
  }
  if (serverName !== undefined && serverName !== '*' && !isHostPattern(serverName)) {
    scope.report(
      [...at, 'serverName'],
      `${shown(serverName)} is not a host name.`,
      'Expected one such as shop.example.com or *.example.com.',
    );
  }
  if (clientCertificate === undefined) return;
  const here = [...at, 'clientCertificate'];
  if (!withTls.some(({ tls }) => tls?.clientCertificates !== undefined)) {
    scope.warn(
      here,
      'No listener asks clients for a certificate, so no request has one.',
      "Expected 'tls.clientCertificates' on a listener.",
    );
  }
  const { subject, subjectAltName } = clientCertificate;
  if (subject !== undefined) checkComparison(subject, [...here, 'subject'], scope);
  if (subjectAltName === undefined) return;
  checkComparison(subjectAltName, [...here, 'subjectAltName'], scope);
  checkKind(subjectAltName, [...here, 'subjectAltName', 'value'], scope);
}

const NAME_KINDS = ['DNS', 'URI', 'email', 'IP'];

/** A name without its kind, or a DNS name in capitals, would never be found. */
function checkKind({ type, value = '' }: Comparison, at: DocumentPath, scope: Scope): void {
  if ((type !== 'Exact' && type !== 'Prefix') || value === '') return;
  const kind = value.slice(0, value.indexOf(':') + 1);
  if (!NAME_KINDS.includes(kind.slice(0, -1))) {
    const guess = NAME_KINDS.find((known) => known.toLowerCase() === kind.slice(0, -1).toLowerCase());
    const meant = guess === undefined ? '' : ` Did you mean ${guess}:${value.slice(kind.length)}?`;
    scope.report(
      at,
      `'${value}' has no kind of name in front.`,
      `Expected DNS:, URI:, email: or IP:, and the name behind it.${meant}`,
    );
  } else if (kind === 'DNS:' && value.slice(4) !== value.slice(4).toLowerCase()) {
    scope.report(
      at,
      `'${value}' is in capitals.`,
      `DNS names are compared in lower case: DNS:${value.slice(4).toLowerCase()}.`,
    );
  }
}
