// How much each event of the process matters: its level in the log.

import type { ProcessEvent } from '../../observe/events.js';

/** From the least to the most. */
export const LOG_LEVELS = ['debug', 'info', 'warning', 'error'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** `warning`: it goes on, with less than it could have. `error`: something failed, and somebody has to look. */
const LEVELS: Readonly<Partial<Record<ProcessEvent['type'], LogLevel>>> = {
  'listener.closed': 'debug',
  'service.failed': 'error',
  'config.problem': 'error',
  'config.warning': 'warning',
  'worker.died': 'error',
  'server.down': 'warning',
  'server.ejected': 'warning',
  'server.failing': 'warning',
  'discovery.stale': 'warning',
  'discovery.refused': 'error',
  'tls.refused': 'error',
  'tls.warning': 'warning',
  'tls.staple-ended': 'warning',
  'reload.not-taken': 'warning',
  'reload.refused': 'error',
  'log.failed': 'error',
  'log.died': 'error',
};

/** All that is not listed is what an operator expects to happen. */
export const levelOf = ({ type }: ProcessEvent): LogLevel => LEVELS[type] ?? 'info';

export const isAtLeast = (level: LogLevel, least: LogLevel): boolean =>
  LOG_LEVELS.indexOf(level) >= LOG_LEVELS.indexOf(least);
