// The schema of the admin API and of metrics.

import { fileName, flag, integer, map, option, text } from './build.js';
import { listenAddress, socketOptions } from './socket.js';

/** Where the admin API listens, and where `sevenfold ctl` looks for it. */
const ADMIN_ADDRESS = 'unix:/run/sevenfold.sock';

/** What fits into `Authorization: Bearer` (RFC 6750, 2.1). */
const token = () =>
  text('a token', `Expected letters, digits or any of -._~+/, such as "\${ADMIN_TOKEN}".`, (value) =>
    /^[\w.~+/-]+=*$/.test(value),
  ).optional();

export const admin = map('admin options', {
  address: option(
    listenAddress().prefault(ADMIN_ADDRESS),
    'Where the admin API listens: a unix socket, or a port of the loopback interface. No other address is taken.',
  ),
  socket: option(
    socketOptions('`0600`: the user of the process alone').optional(),
    'With a `unix:` address: who may connect.',
    {
      byDefault: 'the user of the process',
    },
  ),
  token: option(
    token(),
    'What clients have to send as `Authorization: Bearer TOKEN`. On a port, nothing can be changed without one. Best from a ' +
      'variable of the environment.',
    { byDefault: 'none: over a unix socket everything is allowed, on a port reading alone' },
  ),
  metrics: option(flag().prefault(true), 'Serves `/metrics` there.'),
  stateFile: option(
    fileName('JSON file').optional(),
    'Where changes of servers are kept that are to hold over reloads and restarts (`keep: saved`). Made when it is needed. Relative ' +
      'to the configuration.',
    { byDefault: 'none: every change holds until the next reload' },
  ),
});

export const metrics = map('metrics options', {
  address: option(
    listenAddress().optional(),
    'Where `/metrics` is served for scrapers on other machines, and nothing else: any address, or a unix socket.',
    { byDefault: 'nowhere but at `admin`' },
  ),
  socket: option(socketOptions('`0777` less the umask').optional(), 'With a `unix:` address: who may connect.', {
    byDefault: 'as the umask says',
  }),
  token: option(token(), 'What scrapers have to send as `Authorization: Bearer TOKEN`.', { byDefault: 'none' }),
  seriesMax: option(
    integer('a number of series', 1, 100_000).prefault(10_000),
    'Most combinations of listener, route and pool that requests are counted by. Further ones are counted together, as `_other`; ' +
      '`sevenfold_metrics_series_folded` says how many.',
  ),
});
