// Listening sockets that systemd opened and handed over: LISTEN_FDS of sd_listen_fds(3).
// Owns the protocol. Leaves using them to the engine, which takes each for the listener of its address.

import { addon } from '../engine/addon.js';
import type { EventSink } from '../observe/events.js';
import { ListenError } from './listeners.js';

/** Descriptors are handed over from this one on. */
const FIRST = 3;

/** A socket that was handed over. */
export interface Inherited {
  readonly fd: number;
  /** FileDescriptorName= of the unit, or the unit's own name. */
  readonly name: string;
  /** As in `0.0.0.0:80`. */
  readonly address: string;
}

/**
 * Takes the sockets that `environment` names for this process, and its variables out of it. Call it before listeners are opened;
 * then every listener at the address of one uses it. Throws a ListenError when a descriptor is no listening socket of TCP or a unix path.
 */
export function inheritSockets(environment: NodeJS.ProcessEnv): Inherited[] {
  const { LISTEN_PID: pid, LISTEN_FDS: count, LISTEN_FDNAMES: names = '' } = environment;
  for (const name of ['LISTEN_PID', 'LISTEN_FDS', 'LISTEN_FDNAMES']) delete environment[name];
  if (Number(pid) !== process.pid) return [];
  const named = names.split(':');
  return Array.from({ length: Number(count) || 0 }, (_, index) => {
    const fd = FIRST + index;
    const name = named[index] || `descriptor ${fd}`;
    try {
      return { fd, name, address: addon().listenerInherit(fd) };
    } catch {
      throw new ListenError(
        `${name}, handed over by systemd (LISTEN_FDS), is no listening stream socket. Take it out of the unit.`,
      );
    }
  });
}

/** Reports those that no listener is at: connections to them would wait for ever. */
export function reportUnused(sockets: readonly Inherited[], emit: EventSink): void {
  for (const { fd, name, address } of sockets) {
    if (addon().listenerUnused(fd)) emit({ type: 'listener.unused', name, address });
  }
}
