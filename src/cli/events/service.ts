// Sentences about the service itself: how it starts, reloads and ends, its listeners and its workers.

import { relative } from 'node:path';
import { formatProblem } from '../../base/problems.js';
import type { EventOf } from '../../observe/events.js';
import { counted } from '../terminal.js';
import { error, type Sentences, status } from './sentence.js';

export const SERVICE: Sentences<'service'> = {
  'service.ready': () => status('sevenfold ready'),
  'service.ended-early': () => status('ended before it was ready'),
  'service.failed': ({ reason }) => error(reason),
  'service.unnotified': ({ reason }) => error(`the service manager could not be notified (${reason})`),
};

export const CONFIG: Sentences<'config'> = {
  'config.problem': (problem) => ({ to: 'report', text: formatProblem(problem) }),
  'config.warning': (problem) => ({ to: 'report', text: `warning: ${formatProblem(problem)}` }),
};

export const LISTENERS: Sentences<'listener'> = {
  // The line of a reload names the listeners that it changed.
  'listener.opened': ({ address, protocol, families, atStart }) =>
    atStart ? status(`listening on ${address} (${families === '' ? protocol : `${protocol}, ${families}`})`) : null,
  'listener.closed': () => null,
  'listener.unused': ({ name, address }) =>
    error(
      `${name}, handed over by systemd, listens on ${address}, where the configuration has no listener: nothing is accepted there`,
    ),
};

export const WORKERS: Sentences<'worker'> = {
  'worker.ready': ({ worker, accept }) => status(`worker ${worker} ready (${accept} accept)`),
  'worker.died': ({ worker, reason }) => error(`worker ${worker} died (${reason}) and is started again`),
  'worker.restarted': () => null,
};

export const RELOADS: Sentences<'reload'> = {
  'reload.applied': (event) => status(`reloaded ${event.source}: ${changes(event)}`),
  'reload.not-taken': ({ setting, value, wanted, why }) =>
    error(`${setting} stays ${value}: ${why} as it starts. Restart to make it ${wanted}.`),
  'reload.refused': ({ source, reason }) => [
    ...(reason === undefined ? [] : [error(reason)]),
    error(`${source} was not reloaded; still running the previous configuration`),
  ],
  'reload.needless': ({ source }) => status(`nothing to reload: the configuration is on ${source}, not in a file`),
};

/** Settings named at most; of more the number is given. */
const NAMED_MAX = 6;

/** `2 rules changed, 1 rule added; pools.api.servers`. */
function changes({ rules, settings, pages, details }: EventOf<'reload.applied'>): string {
  const counts = (['added', 'removed', 'changed'] as const).flatMap((kind) =>
    rules[kind] === 0 ? [] : [`${counted(rules[kind], 'rule')} ${kind}`],
  );
  const named =
    settings.length <= NAMED_MAX ? settings : [...settings.slice(0, NAMED_MAX), `${settings.length - NAMED_MAX} more`];
  const parts = [
    ...(counts.length === 0 ? [] : [counts.join(', ')]),
    ...(named.length === 0 ? [] : [named.join(', ')]),
    ...pages.map((file) => `the text of ${relative('', file)}`),
  ];
  if (parts.length > 0) return parts.join('; ');
  return details ? 'details of rules changed' : 'nothing changed';
}

export const OPERATORS: Sentences<'operator'> = {
  'operator.changed': ({ by, what, says }) => status(`${what}: ${says} (by ${by})`),
};

export const DRAINS: Sentences<'drain'> = {
  'drain.began': ({ leadMs }) => {
    const lead = leadMs === 0 ? '' : `new connections are taken for ${leadMs / 1000} s more, then `;
    return status(`draining: ${lead}requests under way are finished; a second signal ends the process at once`);
  },
  'drain.ended': ({ tookMs, connectionsCut }) => {
    const how =
      connectionsCut === 0
        ? 'every connection has ended'
        : `${counted(connectionsCut, 'connection')} cut by timeouts.drain`;
    return status(`drained in ${(tookMs / 1000).toFixed(1)} s: ${how}`);
  },
};

export const LOGS: Sentences<'log'> = {
  'log.failed': ({ destination, reason }) =>
    error(
      `access log ${destination} cannot be written (${reason}): lines are dropped until it can; SIGUSR2 counts them`,
    ),
  'log.recovered': ({ destination, dropped }) =>
    status(`access log ${destination} is written again; ${counted(dropped, 'line')} dropped`),
  'log.died': ({ reason }) => error(`the thread that writes access logs died (${reason}) and is started again`),
  'log.reopened': () => status('access logs opened anew'),
};
