// Frames as tests write them, and what a reader makes of them, in words.

import { FRAME_TYPE } from '../../../../src/codec/h2/frames.js';
import { FRAME, FrameReader } from '../../../../src/codec/h2/frames-read.js';
import { Area } from '../../../../src/codec/h2/hpack/copy.js';
import { HTTP2_LIMITS } from '../../../../src/http/h2-limits.js';

/** One frame. `type` by name or number. */
export function frame(
  type: keyof typeof FRAME_TYPE | number,
  flags: number,
  stream: number,
  payload: Uint8Array = Buffer.alloc(0),
): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = typeof type === 'number' ? type : FRAME_TYPE[type];
  head[4] = flags;
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

export const SETTINGS = frame('SETTINGS', 0, 0);
export const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');

const NAMES = Object.keys(FRAME);

interface Options {
  readonly isServer?: boolean;
  readonly limits?: Partial<typeof HTTP2_LIMITS>;
  /** Behind the preface and the SETTINGS of the other side. */
  readonly begun?: boolean;
}

/** What a reader makes of pieces: each event with what belongs to it; pieces of one DATA frame are put together. */
export function events(
  pieces: readonly Uint8Array[],
  { isServer = true, limits = {}, begun = true }: Options = {},
): string[] {
  const reader = new FrameReader(isServer, begun || !isServer, { ...HTTP2_LIMITS, ...limits });
  const seen: string[] = [];
  let data = '';
  const all = begun ? [SETTINGS, ...pieces] : pieces;
  for (const piece of all) {
    // Bytes that belong to others lie around the piece.
    const memory = new Area(Buffer.concat([Buffer.from('before'), piece, Buffer.from('behind')]));
    const end = 6 + piece.length;
    let at = 6;
    for (let event = reader.read(memory, at, end); ; event = reader.read(memory, at, end)) {
      if (reader.next < at || reader.next > end) throw new Error(`reading went on at ${reader.next} of ${end}`);
      at = reader.next;
      if (event === FRAME.none) {
        if (at !== end) throw new Error('bytes are left');
        break;
      }
      const bytes = Buffer.from(reader.area.bytes.subarray(reader.at, reader.end)).toString('latin1');
      const { stream, ended, errorCode } = reader;
      switch (event) {
        case FRAME.data: {
          const text = Buffer.from(memory.bytes.subarray(reader.at, reader.end)).toString('latin1');
          if (!reader.first) seen.pop();
          data = reader.first ? text : data + text;
          seen.push(`data ${stream} ${JSON.stringify(data)}/${reader.frameBytes}${ended ? ' ended' : ''}`);
          break;
        }
        case FRAME.headers:
          seen.push(
            `headers ${stream} ${JSON.stringify(bytes)}${ended ? ' ended' : ''}${reader.selfDependent ? ' selfDependent' : ''}`,
          );
          break;
        case FRAME.settings:
          seen.push(`settings ${Buffer.from(bytes, 'latin1').toString('hex')}`);
          break;
        case FRAME.ping:
          seen.push(`ping ${bytes}`);
          break;
        case FRAME.goaway:
        case FRAME.rstStream:
          seen.push(`${NAMES[event]} ${stream} ${errorCode}`);
          break;
        case FRAME.streamError:
          seen.push(`streamError ${stream} ${errorCode}${reader.frameBytes > 0 ? `/${reader.frameBytes}` : ''}`);
          break;
        case FRAME.connectionError:
          seen.push(`connectionError ${errorCode}${reader.flooded ? ' flooded' : ''}`);
          break;
        case FRAME.windowUpdate:
          seen.push(`windowUpdate ${stream} ${reader.increment}`);
          break;
        case FRAME.priority:
          seen.push(`priority ${stream}`);
          break;
        case FRAME.priorityUpdate:
          seen.push(`priorityUpdate ${stream} ${bytes}`);
          break;
        default:
          seen.push(NAMES[event]!);
      }
    }
  }
  return begun ? seen.slice(1) : seen;
}
