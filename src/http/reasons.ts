// Every way a request can fail, as one row: what we answer, whose fault it is, whether a retry is safe, and whether
// the client connection can be used after it.
// docs/errors.md lists the same rows; a test keeps the two equal.

/** `client` sent something wrong or left, `server` failed us, `proxy`: our own limits or configuration. */
type Fault = 'client' | 'server' | 'proxy';

interface Reason {
  readonly code: ReasonCode;
  /** Its place in REASON_ROWS: small and dense, for counters. */
  readonly index: number;
  readonly status: number;
  readonly fault: Fault;
  /** When the request may be sent again, to another server. */
  readonly retry: 'never' | 'any method' | 'idempotent methods';
  /** `closes`: after it the client connection may be out of step with its requests, or is cut. `stays`: another may follow. */
  readonly connection: 'closes' | 'stays';
  /** One line for the person who gets the answer. */
  readonly says: string;
}

type Row = Omit<Reason, 'code' | 'index'>;

const row = (
  status: number,
  fault: Fault,
  retry: Reason['retry'],
  connection: Reason['connection'],
  says: string,
): Row => ({ status, fault, retry, connection, says });

const ROWS = {
  REQUEST_MALFORMED: row(400, 'client', 'never', 'closes', 'the request is not valid HTTP/1.1'),
  TLS_EXPECTED: row(400, 'client', 'never', 'closes', 'plain HTTP was sent to a port that expects TLS: use https'),
  HELLO_MALFORMED: row(400, 'client', 'never', 'closes', 'the connection does not begin with a TLS ClientHello'),
  REQUEST_FRAMING: row(400, 'client', 'never', 'closes', 'the length of the request body is ambiguous'),
  PROXY_HEADER_INVALID: row(400, 'client', 'never', 'closes', 'the connection does not begin with a PROXY header'),
  PROXY_HEADER_UNEXPECTED: row(400, 'client', 'never', 'closes', 'a PROXY header stands where none is expected'),
  HOST_MISSING: row(400, 'client', 'never', 'closes', 'an HTTP/1.1 request needs a Host field'),
  REDIRECT_HOST_MISSING: row(400, 'client', 'never', 'closes', 'a request without a host cannot be redirected'),
  HOST_REPEATED: row(400, 'client', 'never', 'closes', 'the request has more than one Host field'),
  HOST_INVALID: row(400, 'client', 'never', 'closes', 'the Host field is not a host name with an optional port'),
  TARGET_INVALID: row(400, 'client', 'never', 'closes', 'the request target is not valid'),
  UNAUTHENTICATED: row(401, 'client', 'never', 'stays', 'the request does not say who it is from, or not truly'),
  CLIENT_DENIED: row(403, 'client', 'never', 'stays', 'the address of the client is not allowed here'),
  CLAIM_MISSING: row(403, 'client', 'never', 'stays', 'the token lacks a claim that is needed here'),
  NO_ROUTE: row(404, 'client', 'never', 'stays', 'no rule matches this request'),
  SERVER_NAME_UNKNOWN: row(404, 'client', 'never', 'stays', 'no TLS route is for the server name'),
  METHOD_REFUSED: row(405, 'client', 'never', 'stays', 'this method is not forwarded'),
  HEAD_TIMEOUT: row(408, 'client', 'never', 'closes', 'the request head did not arrive in time'),
  HELLO_TIMEOUT: row(408, 'client', 'never', 'closes', 'the TLS ClientHello did not arrive in time'),
  PROXY_HEADER_TIMEOUT: row(408, 'client', 'never', 'closes', 'the PROXY header did not arrive in time'),
  BODY_TIMEOUT: row(408, 'client', 'never', 'closes', 'the request body stopped arriving'),
  BODY_TOO_LARGE: row(413, 'client', 'never', 'closes', 'the request body is larger than allowed'),
  URI_TOO_LONG: row(414, 'client', 'never', 'closes', 'the request target is longer than allowed'),
  EXPECTATION_UNKNOWN: row(417, 'client', 'never', 'stays', 'only the expectation 100-continue is supported'),
  MISDIRECTED: row(421, 'client', 'never', 'stays', 'the certificate of this connection is not for this host'),
  RATE_LIMITED: row(429, 'client', 'never', 'stays', 'requests come more often than allowed'),
  CONCURRENCY_LIMITED: row(429, 'client', 'never', 'stays', 'too many requests are under way'),
  CONNECTION_LIMITED: row(429, 'client', 'never', 'closes', 'the client has too many connections'),
  HEAD_TOO_LARGE: row(431, 'client', 'never', 'closes', 'the request head is larger than allowed'),
  HELLO_TOO_LARGE: row(431, 'client', 'never', 'closes', 'the TLS ClientHello is larger than allowed'),
  H2_RESET_FLOOD: row(429, 'client', 'never', 'closes', 'an HTTP/2 client resets more streams than allowed'),
  H2_BLOCK_FLOOD: row(429, 'client', 'never', 'closes', 'an HTTP/2 client sends a block of fields without end'),
  H2_CONTROL_FLOOD: row(429, 'client', 'never', 'closes', 'an HTTP/2 client sends more control frames than allowed'),
  H2_DATA_FLOOD: row(429, 'client', 'never', 'closes', 'an HTTP/2 client sends its body in frames that are too small'),
  H2_WRITE_STALL: row(429, 'client', 'never', 'closes', 'an HTTP/2 client makes us answer and does not read'),
  H2_ODDITIES: row(429, 'client', 'never', 'closes', 'an HTTP/2 client sends more useless frames than allowed'),
  CLIENT_LEFT: row(499, 'client', 'never', 'closes', 'the client left before the answer was complete'),
  POOL_UNKNOWN: row(500, 'proxy', 'never', 'stays', 'the rule names no pool that can be used'),
  METHOD_UNKNOWN: row(501, 'client', 'never', 'closes', 'this method is not known here'),
  CODING_UNKNOWN: row(501, 'client', 'never', 'closes', 'the only transfer coding understood here is chunked'),
  CONNECT_REFUSED: row(502, 'server', 'any method', 'stays', 'the server refused the connection'),
  CONNECT_FAILED: row(502, 'server', 'any method', 'stays', 'the server cannot be reached'),
  TLS_FAILED: row(502, 'server', 'any method', 'stays', 'the TLS handshake with the server failed'),
  SERVER_LEFT: row(502, 'server', 'idempotent methods', 'stays', 'the server closed the connection before it answered'),
  AUTH_SERVER_FAILED: row(
    502,
    'server',
    'never',
    'stays',
    'the server that decides about the request gave no decision',
  ),
  RESPONSE_MALFORMED: row(
    502,
    'server',
    'never',
    'stays',
    'the server answered with something that is not valid HTTP/1.1',
  ),
  RESPONSE_HEAD_TOO_LARGE: row(502, 'server', 'never', 'stays', 'the head of the answer is larger than allowed'),
  RESPONSE_CUT: row(502, 'server', 'never', 'closes', 'the server stopped in the middle of its answer'),
  NO_SERVER: row(503, 'server', 'never', 'stays', 'no server of the pool is available'),
  QUEUE_FULL: row(503, 'proxy', 'never', 'stays', 'as many requests as may wait for this pool do already'),
  QUEUE_TIMEOUT: row(503, 'proxy', 'never', 'stays', 'no server of the pool had room in time'),
  POOL_FULL: row(503, 'proxy', 'never', 'stays', 'the pool has as many requests as it may have'),
  OVERLOADED: row(503, 'proxy', 'never', 'stays', 'the proxy has no room for this request now'),
  SHUT_DOWN: row(503, 'proxy', 'never', 'closes', 'the proxy was shut down before the answer was complete'),
  KEYS_UNAVAILABLE: row(503, 'server', 'never', 'stays', 'the keys that verify tokens cannot be fetched'),
  MAINTENANCE: row(503, 'proxy', 'never', 'stays', 'the service is under maintenance'),
  FAULT_INJECTED: row(503, 'proxy', 'never', 'stays', 'the rule injects this failure on purpose'),
  CONNECT_TIMEOUT: row(504, 'server', 'any method', 'stays', 'the server did not accept the connection in time'),
  RESPONSE_TIMEOUT: row(504, 'server', 'idempotent methods', 'stays', 'the server did not answer in time'),
  REQUEST_TIMEOUT: row(504, 'server', 'never', 'stays', 'the request was not finished in the time its rule allows'),
  FILTER_TIMEOUT: row(504, 'proxy', 'never', 'stays', 'a filter of the rule did not decide in time'),
  VERSION_UNKNOWN: row(505, 'client', 'never', 'closes', 'this HTTP version is not supported; use HTTP/1.1'),
} satisfies Record<string, Row>;

export type ReasonCode = keyof typeof ROWS;

/** The rows in their order. */
export const REASON_ROWS: readonly Reason[] = Object.entries(ROWS).map(([code, rest], index) => ({
  code: code as ReasonCode,
  index,
  ...rest,
}));

/** The rows by code. */
export const REASONS = Object.fromEntries(REASON_ROWS.map((reason) => [reason.code, reason])) as Readonly<
  Record<ReasonCode, Reason>
>;
