// The key of a request, as workers compute it: a keyed hash over parts of the request.
// Owns finding the parts. Leaves what is counted by the key to the filters.

import { cookie, nextCookie } from '../../base/cookies.js';
import type { KeyedHash } from '../../base/keyed-hash.js';
import { decodeComponent, findParameter, parameter } from '../../base/query.js';
import type { AnyExchange } from '../../exchange/client-info.js';
import type { FilterTools } from '../../exchange/filter.js';
import { FIELD_ID } from '../../http/fields.js';
import { FIELD } from '../../http/head.js';
import type { KeyPartPlan } from '../parts/request-key.js';

const SLASH = 0x2f;
const DOT = 0x2e;
const NOTHING = new Uint8Array(0);
/** Long enough for a query, which `limits.uriBytesMax` bounds, and for a host. */
const scratch = new Uint8Array(65_536);

interface Part {
  readonly by: KeyPartPlan['by'];
  readonly name: Uint8Array;
  readonly index: number;
}

/** The key of one limit. After `compute`, `low` and `high` are its hash until the next one. */
export class RequestKey {
  low = 0;
  high = 0;
  readonly #parts: readonly Part[];
  readonly #hash: KeyedHash;
  readonly #tools: FilterTools;
  readonly #idLow: number;
  readonly #idHigh: number;

  /** `id` tells limits apart that count by the same parts. */
  constructor(id: string, parts: readonly KeyPartPlan[], hash: KeyedHash, tools: FilterTools) {
    this.#parts = parts.map(({ by, name, index }) => ({ by, name: Buffer.from(name, 'latin1'), index }));
    this.#hash = hash;
    this.#tools = tools;
    const bytes = Buffer.from(id, 'utf8');
    hash.of(bytes, 0, bytes.length);
    this.#idLow = hash.low;
    this.#idHigh = hash.high;
  }

  /** Each part is hashed by itself, so that no two lists of parts can run together. Hot: allocates nothing. */
  compute(x: AnyExchange): void {
    const hash = this.#hash;
    let low = this.#idLow;
    let high = this.#idHigh;
    const parts = this.#parts;
    for (let i = 0; i < parts.length; i++) {
      this.#part(parts[i]!, x);
      hash.ofWords(low, high, hash.low, hash.high);
      low = hash.low;
      high = hash.high;
    }
    this.low = low;
    this.high = high;
  }

  #part(part: Part, x: AnyExchange): void {
    const { memory } = this.#tools;
    const hash = this.#hash;
    switch (part.by) {
      case 'clientAddress':
        // A host changes the rest of an IPv6 address at will.
        hash.of(x.clientAddress, x.clientAddressAt, x.clientAddressBytes === 16 ? 8 : x.clientAddressBytes);
        break;
      case 'host':
        this.#host(x);
        break;
      case 'path':
        hash.of(memory, x.pathAt, x.pathBytes);
        break;
      case 'rule':
        this.#text(x.rule?.plan.name ?? '');
        break;
      case 'pathElement':
        this.#pathElement(x, part.index);
        break;
      case 'query':
        this.#query(x, part.name);
        break;
      case 'cookie':
        this.#cookie(x, part.name);
        break;
      case 'header':
        this.#header(x, part.name);
        break;
    }
  }

  /** Absent, or there more than once: a client must not get counts of its own by leaving a part out, or by doubling it. */
  #none(): void {
    this.#hash.of(NOTHING, 0, 0);
  }

  #text(text: string): void {
    const length = Math.min(text.length, scratch.length);
    for (let i = 0; i < length; i++) scratch[i] = text.charCodeAt(i);
    this.#hash.of(scratch, 0, length);
  }

  /** In lower case and without a dot at its end: one host in every spelling. */
  #host({ hostAt, hostNameBytes }: AnyExchange): void {
    const { memory } = this.#tools;
    const dotted = hostNameBytes > 0 && memory[hostAt + hostNameBytes - 1] === DOT;
    const length = Math.min(dotted ? hostNameBytes - 1 : hostNameBytes, scratch.length);
    for (let i = 0; i < length; i++) {
      const byte = memory[hostAt + i]!;
      scratch[i] = byte >= 0x41 && byte <= 0x5a ? byte | 0x20 : byte;
    }
    this.#hash.of(scratch, 0, length);
  }

  #pathElement({ pathAt, pathBytes }: AnyExchange, index: number): void {
    const { memory } = this.#tools;
    const end = pathAt + pathBytes;
    let at = pathAt;
    for (let element = 0; at < end; element++) {
      let stop = at;
      while (stop < end && memory[stop] !== SLASH) stop++;
      if (element === index) {
        this.#hash.of(memory, at, stop - at);
        return;
      }
      at = stop + 1;
    }
    this.#none();
  }

  #query({ queryAt, queryBytes }: AnyExchange, name: Uint8Array): void {
    const { memory } = this.#tools;
    const end = queryAt + queryBytes;
    if (!findParameter(memory, queryAt, end, name)) {
      this.#none();
      return;
    }
    const { valueAt, valueBytes, encoded } = parameter;
    if (findParameter(memory, valueAt + valueBytes + 1, end, name)) this.#none();
    else if (!encoded) this.#hash.of(memory, valueAt, valueBytes);
    else this.#hash.of(scratch, 0, decodeComponent(memory, valueAt, valueAt + valueBytes, scratch));
  }

  #cookie(x: AnyExchange, name: Uint8Array): void {
    const { memory } = this.#tools;
    const head = this.#tools.requestHead(x);
    let foundAt = -1;
    let foundBytes = 0;
    for (let field = head.next(FIELD_ID.COOKIE); field >= 0; field = head.next(FIELD_ID.COOKIE, field + FIELD.WORDS)) {
      const end = head.valueAt(field) + head.valueBytes(field);
      for (let at = head.valueAt(field); nextCookie(memory, at, end, name); at = cookie.next) {
        if (foundAt >= 0) {
          this.#none();
          return;
        }
        foundAt = cookie.valueAt;
        foundBytes = cookie.valueBytes;
      }
    }
    if (foundAt < 0) this.#none();
    else this.#hash.of(memory, foundAt, foundBytes);
  }

  #header(x: AnyExchange, name: Uint8Array): void {
    const { memory } = this.#tools;
    const head = this.#tools.requestHead(x);
    const field = head.nextNamed(memory, 0, name);
    if (field < 0 || head.nextNamed(memory, field + FIELD.WORDS, name) >= 0) this.#none();
    else this.#hash.of(memory, head.valueAt(field), head.valueBytes(field));
  }
}
