// Request methods by llhttp's numbers.
// Owns the names and numbers routing needs. Leaves reading the method from the wire to src/http.

/** Method names at the index of llhttp's number for them. A unit test compares them with llhttp's own table. */
export const METHOD_NAMES: readonly string[] = [
  'DELETE',
  'GET',
  'HEAD',
  'POST',
  'PUT',
  'CONNECT',
  'OPTIONS',
  'TRACE',
  'COPY',
  'LOCK',
  'MKCOL',
  'MOVE',
  'PROPFIND',
  'PROPPATCH',
  'SEARCH',
  'UNLOCK',
  'BIND',
  'REBIND',
  'UNBIND',
  'ACL',
  'REPORT',
  'MKACTIVITY',
  'CHECKOUT',
  'MERGE',
  'M-SEARCH',
  'NOTIFY',
  'SUBSCRIBE',
  'UNSUBSCRIBE',
  'PATCH',
  'PURGE',
  'MKCALENDAR',
  'LINK',
  'UNLINK',
  'SOURCE',
  'PRI',
  'DESCRIBE',
  'ANNOUNCE',
  'SETUP',
  'PLAY',
  'PAUSE',
  'TEARDOWN',
  'GET_PARAMETER',
  'SET_PARAMETER',
  'REDIRECT',
  'RECORD',
  'FLUSH',
  'QUERY',
];

const numbers = new Map(METHOD_NAMES.map((name, number) => [name, number]));

/** llhttp's number of a method, or -1 for one the parser does not know. Methods are case-sensitive (RFC 9110, 9.1). */
export function methodNumber(name: string): number {
  return numbers.get(name) ?? -1;
}

/** The name of a method by llhttp's number. */
export function methodName(number: number): string {
  return METHOD_NAMES[number] ?? `method ${number}`;
}
