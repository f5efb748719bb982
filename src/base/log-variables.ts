// The variables of templates for access logs: `${status}` and the like. The configuration checks the names, the log thread fills
// them in.

export const LOG_VARIABLES = [
  'time',
  'unixTime',
  'clientAddress',
  'peerAddress',
  'peerPort',
  'listener',
  'route',
  'rule',
  'pool',
  'server',
  'serverAddress',
  'attempts',
  'reason',
  'status',
  'method',
  'target',
  'path',
  'query',
  'host',
  'scheme',
  'protocol',
  'userAgent',
  'referer',
  'requestId',
  'duration',
  'headDuration',
  'queueDuration',
  'connectDuration',
  'firstByteDuration',
  'bytesIn',
  'bytesOut',
  'bodyBytesOut',
  'tlsVersion',
  'tlsCipher',
  'tlsResumed',
  'serverName',
  'worker',
  'connection',
] as const;

export type LogVariable = (typeof LOG_VARIABLES)[number];

/** In front of the name of a request header, with `_` for `-`: `${header_x_tenant}`. */
export const LOG_HEADER = 'header_';

/** The header that a variable names, in lower case; undefined for any other variable. */
export function logHeaderOf(variable: string): string | undefined {
  if (!variable.startsWith(LOG_HEADER) || variable.length === LOG_HEADER.length) return undefined;
  return variable.slice(LOG_HEADER.length).toLowerCase().replaceAll('_', '-');
}
