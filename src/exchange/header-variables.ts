// Fills the variables in header values: `${clientAddress}` and the like.
// Only rules whose values name variables come here; the text is made once per request.

import { oneBytePerCharacter } from '../base/latin1.js';
import type { Engine } from '../engine/engine.js';
import { FIELD_ID } from '../http/fields.js';
import { FIELD } from '../http/head.js';
import { METHOD_NAMES } from '../http/methods.js';
import type { HeaderValuePlan, Variable } from '../routing/plan.js';
import { clientAddressText } from './client-address.js';
import type { AnyExchange } from './client-info.js';
import type { Context } from './context.js';

/** What the variables need of a worker. */
interface VariablesContext extends Pick<Context, 'memory' | 'ids'> {
  readonly engine: Pick<Engine, 'peers'>;
}

const latin1 = (w: VariablesContext, at: number, bytes: number): string =>
  Buffer.from(w.memory.buffer, at, bytes).toString('latin1');

/** An id that a proxy in front gave, if it is believed and fit to be repeated. */
const REQUEST_ID = /^[\w.:+/=@-]{1,128}$/;

/** The id of the request: that of a trusted proxy in front, else ours. */
export function requestId(w: VariablesContext, x: AnyExchange): string {
  const { head } = x;
  if (x.client.trusted && head !== null) {
    for (
      let field = head.next(FIELD_ID.X_REQUEST_ID);
      field >= 0;
      field = head.next(FIELD_ID.X_REQUEST_ID, field + FIELD.WORDS)
    ) {
      const id = latin1(w, head.valueAt(field), head.valueBytes(field));
      if (REQUEST_ID.test(id)) return id;
    }
  }
  return w.ids.text(x.requestNumber);
}

/** What only a request has that a rule was found for. */
const OF_MATCHED: readonly Variable[] = ['host', 'method', 'path', 'query', 'rule'];

/**
 * The text of a variable of a request. Valid while its target is held. For one that
 * no rule was found for, what its head says is empty: it may be what is wrong with it.
 */
function variableText(w: VariablesContext, x: AnyExchange, variable: Variable): string {
  if (x.rule === null && OF_MATCHED.includes(variable)) return '';
  switch (variable) {
    case 'clientAddress':
      // A peer over a unix socket has no address: what X-Forwarded-For calls it.
      return x.statedBytes === 0 ? 'unknown' : clientAddressText(w.engine.peers, x) || 'unix:';
    case 'requestId':
      return requestId(w, x);
    case 'host':
      return latin1(w, x.hostAt, x.hostBytes);
    case 'method':
      return METHOD_NAMES[x.method]!;
    case 'path':
      return latin1(w, x.pathAt, x.pathBytes);
    case 'query':
      return latin1(w, x.queryAt, x.queryBytes);
    case 'scheme':
      return x.tls === null ? 'http' : 'https';
    case 'rule':
      return x.rule!.plan.name;
    case 'serverName':
      return x.tls?.sni ?? '';
    case 'tlsVersion':
      return x.tls?.version ?? '';
    case 'tlsCipher':
      return x.tls?.cipher ?? '';
    case 'clientCertificateSubject':
      return x.tls?.certificate?.subject ?? '';
    case 'clientCertificateSubjectAltName':
      return x.tls?.certificate?.names.join(', ') ?? '';
    case 'clientCertificateFingerprint':
      return x.tls?.certificate?.fingerprint ?? '';
  }
}

/** Header lines with their variables filled in, each ending in CRLF; every character is one byte. */
export function fillLines(w: VariablesContext, x: AnyExchange, values: readonly HeaderValuePlan[]): string {
  let text = '';
  for (const { name, parts } of values) {
    text += `${name}: `;
    for (const part of parts)
      text += typeof part === 'string' ? oneBytePerCharacter(part) : variableText(w, x, part.variable);
    text += '\r\n';
  }
  return text;
}
