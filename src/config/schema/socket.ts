// The schema of where something listens: an address, and the file of a unix socket.

import { type ListenAddress, readListenAddress, readMode } from '../units.js';
import { map, option, scalar, text } from './build.js';

/** Where to listen: an IP address and a port, or the path of a unix socket. */
export const listenAddress = () =>
  scalar<string, ListenAddress>(
    'address',
    { type: 'string', pattern: '^((\\[[0-9A-Fa-f:.]+\\]|[0-9.]*):[0-9]+|unix:/.+)$' },
    readListenAddress,
  );

const OWNER = /^[\w.-]*(?::[\w.-]+)?$/;

/** `byDefault` is the mode of a file that says none, in words. */
export const socketOptions = (byDefault: string) =>
  map('socket options', {
    mode: option(
      scalar<string, number>('text', { type: 'string', pattern: '^0?[0-7]{3}$' }, readMode).optional(),
      'The mode of the socket file, in octal and in quotes: `"0660"`. A client needs the right to write to connect.',
      { byDefault },
    ),
    owner: option(
      text(
        'an owner',
        'Expected USER, USER:GROUP or :GROUP, names or numbers.',
        (value) => value !== '' && OWNER.test(value),
      ).optional(),
      'Whose file it is: `USER`, `USER:GROUP` or `:GROUP`, by name or number.',
      { byDefault: 'the user and group of the process' },
    ),
  });
