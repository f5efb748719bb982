// How clients get to the proxy: over TCP or TLS, with a PROXY header in front or without.
// Owns opening a connection, and that no end of it is mistaken. Leaves what is sent on it to client.ts.

import { connect, type Socket } from 'node:net';
import { type ConnectionOptions, connect as connectTls } from 'node:tls';
import type { Place } from '../../support/addresses.js';
import type { Front } from './front.js';

/** Where the proxy listens. */
export interface Doors {
  readonly plain: Place;
  /** Null: all clients take the plain one. */
  readonly others: OtherDoors | null;
}

interface OtherDoors {
  readonly secure: Place;
  /** Where connections begin with a PROXY header. */
  readonly fronted: Place;
  readonly frontedSecure: Place;
  /** What a client of the secure ones has to know. */
  readonly tls: ConnectionOptions;
}

/** A connection to the proxy. */
export interface Way {
  /** What is read and written. */
  readonly socket: Socket;
  /** Below TLS; else the same. */
  readonly wire: Socket;
  /** Hands on what was received and is held back. */
  readonly flush: () => void;
}

/**
 * Connects. `front`: what is sent first, the first `cut` bytes of it alone; null where no header is expected. `received`
 * gets all bytes, Latin-1.
 *
 * Node takes a reset that comes together with bytes for an ordinary end, unless the bytes fill its buffer (libuv,
 * uv__stream_io). Where the end of the connection is the end of a body the difference matters: `exact` reads byte by byte.
 */
export function enter(
  doors: Doors,
  manner: { readonly secure: boolean; readonly exact: boolean; readonly front: Front | null; readonly cut: number },
  received: (text: string) => void,
): Way {
  const { secure, exact, front, cut } = manner;
  const place = placeOf(doors, secure, front !== null);
  const options = { ...place, allowHalfOpen: true, noDelay: true };
  let held = '';
  const flush = (): void => {
    const text = held;
    held = '';
    if (text !== '') received(text);
  };
  const callback = (bytes: number, buffer: Uint8Array): boolean => {
    if (held === '') setImmediate(flush);
    if (bytes > 0) held += String.fromCharCode(buffer[0]!);
    return true;
  };
  const byBytes = exact && !secure;
  const wire = connect(byBytes ? { ...options, onread: { buffer: Buffer.alloc(1), callback } } : options);
  const header = front?.bytes ?? '';
  for (const piece of [header.slice(0, cut), header.slice(cut)]) if (piece !== '') wire.write(piece, 'latin1');
  if (!secure) {
    if (!byBytes) wire.setEncoding('latin1').on('data', received);
    return { socket: wire, wire, flush };
  }
  wire.on('error', () => {});
  const socket = connectTls({ ...doors.others!.tls, socket: wire, allowHalfOpen: true } as ConnectionOptions);
  socket.setEncoding('latin1').on('data', received);
  return { socket, wire, flush };
}

function placeOf({ plain, others }: Doors, secure: boolean, fronted: boolean): Place {
  if (!secure && !fronted) return plain;
  return others![fronted ? (secure ? 'frontedSecure' : 'fronted') : 'secure'];
}
