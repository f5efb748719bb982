// The schema of what one connection of HTTP/2 may ask for.

import { HTTP2_LIMITS } from '../../http/h2-limits.js';
import { integer, map, option, size } from './build.js';

const KIB = 1024;

export const http2Limits = map('limits of HTTP/2', {
  streamsMax: option(
    integer('a number of streams', 1, 10_000).prefault(HTTP2_LIMITS.streamsMax),
    'Most requests under way at once on one connection. Clients know it, and a further one is refused so that it may be sent again.',
  ),
  fieldsMax: option(
    integer('a number of fields', 1, 1000).prefault(HTTP2_LIMITS.fieldsMax),
    'Most fields in one block, trailers too, without the pieces of cookies. A request with more gets 431.',
  ),
  cookiesMax: option(
    integer('a number of pieces', 1, 1000).prefault(HTTP2_LIMITS.cookiesMax),
    'Most pieces that `cookie` may come in: browsers send each cookie as a field of its own. A request with more gets 431.',
  ),
  listBytesMax: option(
    size(KIB, 256 * KIB).prefault('64KiB'),
    'Largest block of fields, where each counts its name, its value and 32 bytes (RFC 9113, 6.5.2). A request with more gets 431; ' +
      'one with more before it is decoded ends its connection. `headBytesMax` holds besides.',
  ),
  continuationsMax: option(
    integer('a number of frames', 0, 1000).prefault(HTTP2_LIMITS.continuationsMax),
    'Most CONTINUATION frames of one block. More end the connection.',
    { zero: 'a block has to fit one frame' },
  ),
  resetsPerSecondMax: option(
    integer('a number of streams', 1, 1_000_000).prefault(HTTP2_LIMITS.resetsPerSecondMax),
    'Most streams that a client resets in a second (rapid reset, CVE-2023-44487). More end the connection.',
  ),
  earlyResetsPerSecondMax: option(
    integer('a number of streams', 1, 1_000_000).prefault(HTTP2_LIMITS.earlyResetsPerSecondMax),
    'The same of streams whose response had not begun.',
  ),
  ownResetsMax: option(
    integer('a number of streams', 1, 1_000_000).prefault(HTTP2_LIMITS.ownResetsMax),
    'Most streams of one connection that Sevenfold resets since the client broke a rule on them (CVE-2025-8671). More end the connection.',
  ),
  pingsPerSecondMax: option(
    integer('a number of frames', 1, 1_000_000).prefault(HTTP2_LIMITS.pingsPerSecondMax),
    'Most PING frames in a second. More end the connection.',
  ),
  settingsPerSecondMax: option(
    integer('a number of frames', 1, 1_000_000).prefault(HTTP2_LIMITS.settingsPerSecondMax),
    'Most SETTINGS frames in a second. More end the connection.',
  ),
  emptyFramesMax: option(
    integer('a number of frames', 0, 1_000_000).prefault(HTTP2_LIMITS.emptyFramesMax),
    'Most DATA frames in a row that carry nothing and end nothing. More end the connection.',
    { zero: 'the first ends the connection' },
  ),
  tinyFramesPerSecondMax: option(
    integer('a number of frames', 1, 1_000_000).prefault(HTTP2_LIMITS.tinyFramesPerSecondMax),
    'Most DATA frames of less than 256 bytes in a second, the last ones of streams aside. More end the connection.',
  ),
  windowUpdatesPerDataMax: option(
    integer('a number of frames', 1, 1000).prefault(HTTP2_LIMITS.windowUpdatesPerDataMax),
    'Most WINDOW_UPDATE frames for each DATA frame that was sent, twice that with 100 and two for each stream besides. More end the ' +
      'connection.',
  ),
  prioritiesPerStreamMax: option(
    integer('a number of frames', 1, 1_000_000).prefault(HTTP2_LIMITS.prioritiesPerStreamMax),
    'Most PRIORITY and PRIORITY_UPDATE frames for each stream. More end the connection.',
  ),
  waitingFramesMax: option(
    integer('a number of frames', 1, 1500).prefault(HTTP2_LIMITS.waitingFramesMax),
    'Most frames, those of bodies aside, that wait for a client which does not read. With more it is cut.',
  ),
  odditiesPerSecondMax: option(
    integer('a number of frames', 1, 1_000_000).prefault(HTTP2_LIMITS.odditiesPerSecondMax),
    'Most frames in a second of no use: of unknown types, for streams that are over, with errors of one stream. From three quarters ' +
      'of it on the connection ends gracefully, with more at once.',
  ),
  requestsMax: option(
    integer('a number of requests', 1, 1_000_000).prefault(HTTP2_LIMITS.requestsMax),
    'Most requests on one connection. Then GOAWAY asks the client to open another; those under way finish.',
  ),
});
