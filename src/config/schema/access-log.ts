// The schema of access logs: what a line says, where it goes, and which requests have one.

import { LOG_HEADER, LOG_VARIABLES } from '../../base/log-variables.js';
import { REASON_ROWS } from '../../http/reasons.js';
import { readMode, readSyslogAddress, type SyslogAddress } from '../units.js';
import { choice, decimal, duration, fileName, flag, list, map, option, scalar, text } from './build.js';
import { fieldName } from './field-name.js';
import { statusRange } from './pool-options.js';

/** As RFC 5424 numbers them (6.2.1). */
export const SYSLOG_FACILITIES = [
  ...['kern', 'user', 'mail', 'daemon', 'auth', 'syslog', 'lpr', 'news', 'uucp', 'cron', 'authpriv', 'ftp'],
  ...['ntp', 'security', 'console', 'solaris-cron'],
  ...['local0', 'local1', 'local2', 'local3', 'local4', 'local5', 'local6', 'local7'],
] as const;
export const SYSLOG_SEVERITIES = ['emerg', 'alert', 'crit', 'err', 'warning', 'notice', 'info', 'debug'] as const;

const syslog = map('syslog options', {
  address: option(
    scalar<string, SyslogAddress>('address', { type: 'string', pattern: '^(unix:/.+|udp:.+)$' }, readSyslogAddress),
    'Where it listens: `unix:/dev/log`, a unix datagram socket, or `udp:IP:PORT`.',
  ),
  facility: option(choice('a facility', SYSLOG_FACILITIES).prefault('local7'), 'The facility of each message.'),
  severity: option(choice('a severity', SYSLOG_SEVERITIES).prefault('info'), 'The severity of each message.'),
  appName: option(
    text('a name', 'Expected at most 48 printable characters without blanks.', (value) =>
      /^[\x21-\x7e]{1,48}$/.test(value),
    ).prefault('sevenfold'),
    'The APP-NAME of each message.',
  ),
});

const destination = map('a destination', {
  file: option(
    fileName('file').optional(),
    'A file that lines are added to; made where it does not exist. Opened anew on SIGUSR1. Relative to the configuration file.',
  ),
  mode: option(
    scalar<string, number>('text', { type: 'string', pattern: '^0?[0-7]{3}$' }, readMode).optional(),
    'The mode of a file that is made, in octal and in quotes, less the umask.',
    { byDefault: '`"0640"`' },
  ),
  stdout: option(flag().optional(), 'true: standard output of the process.'),
  syslog: option(syslog.optional(), 'A syslog, in the format of RFC 5424.'),
});

const when = map('conditions', {
  statuses: option(list('a list of statuses', statusRange, 1).optional(), 'One of these: single ones and ranges.', {
    byDefault: 'all',
  }),
  minDuration: option(duration().prefault(0), 'It took at least as long, from the first byte to the end.'),
  retried: option(flag().prefault(false), 'true: it took more than one attempt.'),
  routes: option(
    list('a list of names', text('a name', 'Expected the name of a route or a rule.'), 1).optional(),
    'Its route or its rule has one of these names.',
    { byDefault: 'all' },
  ),
  reasons: option(
    list(
      'a list of reasons',
      choice(
        'a reason',
        REASON_ROWS.map(({ code }) => code),
      ),
      1,
    ).optional(),
    'It failed for one of these [reasons](errors.md).',
    { byDefault: 'all, and those that did not fail' },
  ),
});

const header = map('a header', {
  name: option(fieldName(), 'The name of the header.'),
  redact: option(flag().prefault(false), 'true: only that it is there is logged, as `redacted`.'),
});

const log = map('an access log', {
  format: option(
    choice('a format', ['json', 'combined', 'template']).prefault('json'),
    '`json`: an object in a line, its fields named as OpenTelemetry does. `combined`: as Apache and nginx write it. `template`: ' +
      'as `template` says. [What they hold](access-log.md).',
  ),
  template: option(
    text('a template', 'Expected a text in one line.', (value) => value !== '' && !/[\0\r\n]/.test(value), undefined, [
      ...LOG_VARIABLES,
      `${LOG_HEADER}*`,
    ]).optional(),
    `With the format \`template\`: a line, with \`\${…}\` for ${LOG_VARIABLES.map((name) => `\`${name}\``).join(', ')}, and ` +
      '`header_NAME` for a request header, with `_` for `-`. Other names are filled in at load, from the environment.',
  ),
  to: option(destination, 'Where lines go: one of `file`, `stdout` and `syslog`.'),
  when: option(when.prefault({}), 'Which requests are logged: all that is said has to hold.', { byDefault: 'all' }),
  sample: option(decimal('a share', 0, 1).prefault(1), 'The share that is logged of those, chosen at random.'),
  query: option(flag().optional(), 'Whether queries of URLs are logged. They may hold what should not be kept.', {
    byDefault: 'false with `json`, true with `combined`',
  }),
  headers: option(
    list('a list of headers', header).prefault([]),
    'With the format `json`: request headers that are logged. Those that carry credentials have to be redacted.',
  ),
});

export const accessLog = list('a list of access logs', log);
