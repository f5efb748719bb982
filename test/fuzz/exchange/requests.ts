// Random requests, and what servers are to do with them.
// Owns the bytes of a request and what may become of it. Leaves sending to client.ts, answering to server.ts.

import type { Random } from '../random.js';
import { requestBody } from './body.js';
import { type Behaviour, Entry } from './book.js';
import type { Session } from './session.js';
import { randomTunnel, type TunnelPlan } from './tunnel.js';

export type Framing = 'counted' | 'chunked' | 'eof';

/** What kind of round it is: what servers and pools may do, and so what clients may have to put up with. */
export interface Mood {
  /** Servers fail in every way there is. Otherwise they answer well, and every request must succeed. */
  readonly trouble: boolean;
  /** Pools have limits: requests may be refused with 503. */
  readonly limited: boolean;
  /** Clients abort, stall and read slowly. */
  readonly rude: boolean;
  /** Bytes of the largest request body that is let through. */
  readonly bodyBytesMax: number;
  /** The slab is too small for what is under way: requests may be refused with 503, and take their time. */
  readonly tight: boolean;
}

/** A path, what servers see of it, the local reply it gets from the rules, and what servers it may reach. */
interface Path {
  readonly path: string;
  readonly seen: string;
  readonly local: readonly number[];
  readonly servers: readonly string[];
}

const plain = (path: string, seen = path): Path => ({ path, seen, local: [], servers: ['s', 'c'] });
const local = (path: string, ...statuses: number[]): Path => ({ path, seen: '', local: statuses, servers: [] });

const PATHS: readonly Path[] = [
  plain('/a'),
  plain('/a'),
  plain('/b'),
  plain('/mirrored'),
  plain('/rewritten', '/new'),
  plain('/edited'),
  plain('/limited'),
  plain('/sticky'),
  plain('/sticky'),
  { path: '/secure', seen: '/secure', local: [], servers: ['t'] },
  // These servers get PROXY headers.
  { path: '/named', seen: '/named', local: [], servers: ['n'] },
  // A server with the certificate of another authority: nothing may ever be sent to it.
  local('/impostor', 502, 503, 504),
  local('/direct', 200),
  local('/unknown', 404),
];

/** One request as a client sends it. */
export interface Request {
  readonly id: string;
  readonly method: string;
  readonly minor: 0 | 1;
  /** The target as the server has to see it; empty when no server may see the request. */
  readonly target: string;
  /** First letters of the servers it may reach. */
  readonly servers: readonly string[];
  /** All bytes, one latin1 character each. */
  readonly bytes: string;
  readonly headBytes: number;
  /** Length of the body, without framing. */
  readonly bodyBytes: number;
  /** The statuses of local replies of which it has to get one; empty: it goes to a server. */
  readonly local: readonly number[];
  /** It is refused before a rule is asked, or while its body arrives: its connection has to end. */
  readonly ends: boolean;
  readonly idempotent: boolean;
  /** It goes to a pool whose clients stay with their server. */
  readonly sticky: boolean;
  /** The session that it names. */
  readonly session: Session | null;
  /** It asks for a tunnel, which this is then; the last request of its connection. */
  readonly tunnel: TunnelPlan | null;
  /** It says `Expect: 100-continue`. */
  readonly expects: boolean;
  /** The connection may go on after it, as far as the client says. */
  readonly keepAlive: boolean;
  toString(): string;
}

const SIZES = [0, 1, 26, 100, 1000, 5000, 16_100, 20_000, 70_000];
/** Where answers are read byte by byte. */
const SMALL_SIZES = [0, 1, 26, 100, 1000, 5000];
const SAFE = ['GET', 'GET', 'GET', 'HEAD', 'DELETE', 'OPTIONS'];
const WITH_BODY = ['PUT', 'PUT', 'POST', 'PATCH', 'DELETE'];

/** Cuts `text` into chunks of random sizes, with an extension or trailers now and then. */
function chunked(dice: Random, text: string): string {
  const lines: string[] = [];
  for (let at = 0; at < text.length; ) {
    const bytes = Math.min(text.length - at, 1 + dice.below(dice.pick([4, 200, 9000])));
    const size = bytes.toString(16);
    lines.push(dice.below(12) === 0 ? `${size};a=b` : size, text.slice(at, at + bytes));
    at += bytes;
  }
  lines.push('0');
  if (dice.below(8) === 0) lines.push('X-Trailer: last');
  return `${lines.join('\r\n')}\r\n\r\n`;
}

/** How many bytes stand in front of the trap in a request: a reader that skips as many falls into it. */
export function trapDistance(request: Request): number {
  return request.bytes.indexOf(TRAP) + TRAP.length;
}

/** A reader that begins behind this name sees a request. */
const TRAP = 'X-Trap: ';

/** What a connection is like, beside its requests. */
export interface Line {
  /** Requests of HTTP/1.0 are among those of 1.1. */
  readonly old: boolean;
  /** Of its client. */
  readonly session: Session | null;
}

/**
 * A random request with `id`, and the way servers treat it. `next`: the one that its client sends behind it; null for none.
 */
export function randomEntry(dice: Random, mood: Mood, line: Line, id: string, next: Request | null): Entry {
  const { path, seen, local, servers } = dice.pick(PATHS);
  const odd = dice.below(60);
  const upgrade = next === null && !line.old && path !== '/mirrored' && dice.below(4) === 0;
  const withBody = !upgrade && dice.below(2) === 0;
  const method = upgrade ? 'GET' : withBody ? dice.pick(WITH_BODY) : dice.pick(SAFE);
  const minor = line.old && dice.below(2) === 0 ? 0 : 1;
  const inChunks = withBody && minor === 1 && dice.below(3) === 0;
  const large = mood.bodyBytesMax > 0 && withBody && dice.below(15) === 0;
  const likely = next !== null && dice.below(4) === 0 ? trapDistance(next) : dice.pick(SIZES);
  const bytes = large ? mood.bodyBytesMax + 1 + dice.below(1000) : likely;
  const body = withBody ? requestBody(id).slice(0, bytes) : '';
  const closes = next === null && !upgrade && dice.below(3) === 0;
  const keepAlive = minor === 1 ? !closes : dice.below(2) === 0;
  const expectation = odd === 0 && minor === 1;
  const ambiguous = odd === 1 && minor === 1;
  const tunnel = upgrade && !expectation && !ambiguous;

  const lines = ['Host: a.example', `X-Id: ${id}`];
  if (inChunks) lines.push('Transfer-Encoding: chunked');
  else if (withBody) lines.push(`Content-Length: ${body.length}`);
  const expects = !expectation && withBody && minor === 1 && dice.below(4) === 0;
  if (expectation) lines.push('Expect: the-unexpected');
  if (expects) lines.push('Expect: 100-continue');
  if (minor === 0 && keepAlive) lines.push('Connection: keep-alive');
  if (minor === 1 && !keepAlive) lines.push('Connection: close');
  const sticky = path === '/sticky';
  const session = sticky ? line.session : null;
  if (session !== null) lines.push(`Cookie: other=1; at=${session.name}`);
  if (tunnel) lines.push('Connection: Upgrade', 'Upgrade: fuzz');
  if (dice.below(6) === 0) lines.push(`X-Pad: ${'p'.repeat(dice.below(4000))}`);
  if (ambiguous) lines.push('Content-Length: 1', 'Transfer-Encoding: chunked');
  lines.splice(dice.below(2) === 0 ? 0 : dice.below(lines.length + 1), 0, `${TRAP}GET /trap/in-${id} HTTP/1.1`);
  const head = `${method} ${path}/${id} HTTP/1.${minor}\r\n${lines.join('\r\n')}\r\n\r\n`;

  const statuses: number[] = [];
  if (expectation) statuses.push(417);
  if (large) statuses.push(413);
  if (!expectation) statuses.push(...local);
  const attempts = mood.trouble ? 1 + dice.below(3) : 1;
  const behaviours = Array.from({ length: attempts }, () => randomBehaviour(dice, mood, line, method, minor, tunnel));
  // Behind a request that may be answered otherwise its bytes would be the next one.
  const sure = !mood.trouble && !mood.limited && local.length === 0 && behaviours[0]!.upgrades;
  const request: Request = {
    id,
    method,
    minor,
    target: seen === '' || ambiguous || expectation || (large && !inChunks) ? '' : `${seen}/${id}`,
    servers,
    bytes: `${head}${inChunks ? chunked(dice, body) : body}`,
    headBytes: head.length,
    bodyBytes: body.length,
    local: ambiguous ? [400] : statuses,
    ends: ambiguous || large,
    sticky,
    session,
    tunnel: tunnel ? randomTunnel(dice, !mood.trouble, mood.rude, sure) : null,
    idempotent: !['POST', 'PATCH'].includes(method),
    expects,
    keepAlive,
    toString: () => {
      const marks = [
        inChunks && 'chunked',
        expectation && 'expectation',
        expects && '100-continue',
        ambiguous && 'ambiguous',
        large && 'large',
        tunnel && 'tunnel',
      ];
      return [method, `${path}/${id}`, `HTTP/1.${minor}`, body.length, ...marks.filter(Boolean)].join(' ');
    },
  };
  return new Entry(request, behaviours);
}

const CALM: Behaviour = {
  does: 'answer',
  status: 200,
  framing: 'counted',
  length: 2,
  cutAt: -1,
  after: 'keep',
  upgrades: false,
  early: false,
  continues: true,
  interims: 0,
  pieces: 1,
  gapMs: 0,
  waitMs: 0,
  deafMs: 0,
};

function randomBehaviour(
  dice: Random,
  mood: Mood,
  line: Line,
  method: string,
  minor: number,
  tunnel: boolean,
): Behaviour {
  const status = dice.pick([200, 200, 200, 200, 201, 204, 304, 404, ...(mood.trouble ? [503, 500] : [])]);
  const bodiless = status === 204 || status === 304 || method === 'HEAD';
  const length = bodiless ? -1 : dice.pick(line.old ? SMALL_SIZES : SIZES);
  const answer: Behaviour = {
    ...CALM,
    status,
    framing: dice.pick(['counted', 'counted', 'counted', 'chunked', 'chunked', 'eof']),
    length,
    after: dice.below(8) === 0 ? 'sayClose' : 'keep',
    upgrades: tunnel && dice.below(4) > 0,
    interims: minor === 1 && dice.below(10) === 0 ? 1 + dice.below(2) : 0,
    pieces: dice.below(3) === 0 ? 1 + dice.below(4) : 1,
    gapMs: dice.below(15),
    waitMs: dice.below(3) === 0 ? dice.below(30) : 0,
    deafMs: dice.below(10) === 0 ? dice.below(60) : 0,
    continues: dice.below(4) > 0,
  };
  if (!mood.trouble) return answer;
  switch (dice.below(16)) {
    case 0:
    case 1:
      return { ...answer, does: 'reset' };
    case 2:
      return { ...answer, does: 'end' };
    case 3:
      return { ...answer, does: dice.pick(['silence', 'halfHead', 'nonsense']) };
    case 4:
    case 5:
      if (length <= 0) return answer;
      return { ...answer, cutAt: dice.below(length), after: dice.pick(['end', 'reset']) };
    case 6:
      return { ...answer, after: dice.pick(['end', 'reset']) };
    case 7:
      return { ...answer, early: true, after: dice.pick(['keep', 'sayClose', 'end', 'reset']) };
    case 8:
      return length > 1000 || answer.framing === 'eof' ? answer : { ...answer, pieces: 1, after: 'extra' };
    default:
      return answer;
  }
}
