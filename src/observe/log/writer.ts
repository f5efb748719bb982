// The log thread's work: records of all workers become lines, and lines go out.
// Owns reading the rings, the logs by their sets, and their outlets. Leaves the thread and its messages to thread.ts.

import { readClock } from '../../base/clock.js';
import type { LogDestination } from '../../base/log-destination.js';
import type { AccessLogEvent } from '../events.js';
import { Entry, NAME_BYTES_MAX } from './entry.js';
import { jsonFormat } from './json.js';
import { BATCH_BYTES, ESCAPED_BYTES, Lines } from './line.js';
import { Outlet } from './outlet.js';
import type { LogFormat, LogPlan, LogSet } from './plan.js';
import { EXCHANGE, RECORD_TYPE, TEXT_BYTES_MAX, TEXTS_BYTES_MAX } from './record.js';
import { RingReader } from './ring.js';
import { destinationName, openTarget } from './targets.js';
import { combinedFormat, templateFormat } from './text-formats.js';
import type { LogTotals } from './totals.js';

/** One destination in a report. */
export interface DestinationReport {
  readonly destination: string;
  readonly written: number;
  readonly dropped: number;
}

/** A log that is open: its format, and where its lines are collected. */
interface OpenLog {
  readonly write: (entry: Entry, lines: Lines) => void;
  readonly to: LogDestination;
  readonly lineBytesMax: number;
  /** Null once no listener has the log any more: connections of a listener that is gone may still end. */
  door: Door | null;
}

/** A destination, and the lines that are collected for it. */
interface Door {
  readonly outlet: Outlet;
  readonly lines: Lines;
}

const LINE_FEED = 0x0a;

export class LogWriter {
  readonly #entries: readonly Entry[];
  readonly #sets = new Map<number, { logs: readonly OpenLog[]; plan: LogSet }>();
  /** By the name of the destination. */
  readonly #doors = new Map<string, Door>();
  readonly #totals: LogTotals;
  readonly #emit: (event: AccessLogEvent) => void;
  #offsetUs = 0;

  /** `rings` by the index of their worker. */
  constructor(rings: readonly SharedArrayBuffer[], totals: LogTotals, emit: (event: AccessLogEvent) => void) {
    this.#totals = totals;
    this.#entries = rings.map((shared, worker) => new Entry(new RingReader(shared), worker));
    this.#emit = emit;
  }

  /**
   * Opens the destinations of sets of logs; those that are known stay as they are. Throws when one cannot be opened, with its name;
   * then nothing has changed.
   */
  open(sets: readonly LogSet[]): void {
    const opened: string[] = [];
    try {
      for (const { logs } of sets) {
        for (const { to } of logs) {
          const name = destinationName(to);
          if (this.#doors.has(name)) continue;
          this.#doors.set(name, this.#openDoor(to, name));
          opened.push(name);
        }
      }
    } catch (error) {
      for (const name of opened) this.#closeDoor(name);
      throw error;
    }
    for (const plan of sets) {
      if (this.#sets.has(plan.number)) continue;
      this.#sets.set(plan.number, { plan, logs: plan.logs.map((log) => this.#openLog(log)) });
    }
  }

  /**
   * Closes the destinations that no set among `numbers` writes to. What still comes for another set, from a connection of a listener
   * that is gone, opens its destination anew.
   */
  keepOnly(numbers: ReadonlySet<number>): void {
    this.pass();
    const wanted = new Set<string>();
    for (const [number, { plan }] of this.#sets)
      if (numbers.has(number)) for (const { to } of plan.logs) wanted.add(destinationName(to));
    for (const [name, door] of [...this.#doors]) {
      if (wanted.has(name)) continue;
      this.#closeDoor(name);
      for (const { logs } of this.#sets.values()) for (const log of logs) if (log.door === door) log.door = null;
    }
  }

  /** Reads all rings and writes out what is there. Returns the bytes that were read. */
  pass(): number {
    this.#offsetUs = Date.now() * 1000 - readClock();
    let read = 0;
    for (const entry of this.#entries) {
      read += entry.ring.read((at, type) => {
        if (type === RECORD_TYPE.NAME) entry.learn(at);
        else this.#write(entry, at);
      });
    }
    for (const door of this.#doors.values()) {
      if (door.lines.count > 0) flush(door);
      else if (door.outlet.isWaiting) door.outlet.flush();
    }
    return read;
  }

  /** Some destination has lines that it did not take yet. */
  get isWaiting(): boolean {
    for (const { outlet } of this.#doors.values()) if (outlet.isWaiting) return true;
    return false;
  }

  /** Opens every file anew by its name. */
  reopen(): void {
    this.pass();
    for (const { outlet } of this.#doors.values()) outlet.reopen();
  }

  close(): void {
    this.pass();
    for (const name of [...this.#doors.keys()]) this.#closeDoor(name);
  }

  report(): DestinationReport[] {
    return [...this.#doors.values()].map(({ outlet: { name, written, dropped } }) => ({
      destination: name,
      written,
      dropped,
    }));
  }

  #write(entry: Entry, at: number): void {
    const set = this.#sets.get(entry.ring.words[(at >> 2) + EXCHANGE.set]!);
    if (set === undefined) return;
    entry.begin(at, set.plan.headers, this.#offsetUs);
    const wanted = entry.word(EXCHANGE.logs);
    for (let i = 0; i < set.logs.length; i++) {
      if ((wanted & (1 << i)) === 0) continue;
      const log = set.logs[i]!;
      const door = log.door ?? this.#openAgain(log);
      if (door === null) continue;
      const { lines } = door;
      log.write(entry, lines);
      lines.out.byte(LINE_FEED);
      lines.count++;
      if (lines.length >= BATCH_BYTES) flush(door);
    }
  }

  /** The door of a log that nothing was open for; null when it cannot be opened: the line is lost, and that is reported. */
  #openAgain(log: OpenLog): Door | null {
    const name = destinationName(log.to);
    try {
      const door = this.#doors.get(name) ?? this.#openDoor(log.to, name);
      flush(door);
      door.lines.reserve(log.lineBytesMax);
      this.#doors.set(name, door);
      log.door = door;
    } catch (error) {
      this.#emit({ type: 'log.failed', destination: name, reason: (error as Error).message });
    }
    return log.door;
  }

  #openDoor(to: LogDestination, name: string): Door {
    const outlet = new Outlet(openTarget(to), {
      name,
      dropped: (lines) => this.#totals.drop(lines),
      failed: (reason) => this.#emit({ type: 'log.failed', destination: name, reason }),
      recovered: (dropped) => this.#emit({ type: 'log.recovered', destination: name, dropped }),
    });
    return { outlet, lines: new Lines() };
  }

  #closeDoor(name: string): void {
    const door = this.#doors.get(name)!;
    flush(door);
    door.outlet.close();
    this.#doors.delete(name);
  }

  #openLog({ format, to, headers }: LogPlan): OpenLog {
    const door = this.#doors.get(destinationName(to))!;
    flush(door);
    const bytesMax = lineBytesMax(format);
    door.lines.reserve(bytesMax);
    switch (format.type) {
      case 'json':
        return {
          door,
          to,
          lineBytesMax: bytesMax,
          write: jsonFormat(
            format.query,
            headers.map(({ name }) => name),
          ),
        };
      case 'combined':
        return { door, to, lineBytesMax: bytesMax, write: combinedFormat(format.query) };
      case 'template':
        return { door, to, lineBytesMax: bytesMax, write: templateFormat(format.parts) };
    }
  }
}

function flush({ outlet, lines }: Door): void {
  if (lines.count === 0) return;
  outlet.take(lines.bytes, lines.length, lines.count);
  lines.clear();
}

/** Room for what is neither a text of the request nor a name of the configuration: keys, numbers, times, addresses. */
const REST_BYTES_MAX = 4096;
/** Names that a line has at most once: of a listener, a rule and what it leads to, of TLS. */
const NAMES_MAX = 16;

/** The longest line of a format: every text and every name at its limit, each byte escaped. A template may repeat them. */
function lineBytesMax(format: LogFormat): number {
  const texts = (TEXTS_BYTES_MAX + NAMES_MAX * NAME_BYTES_MAX) * ESCAPED_BYTES;
  if (format.type !== 'template') return texts + REST_BYTES_MAX;
  const one = Math.max(...TEXT_BYTES_MAX, NAME_BYTES_MAX) * ESCAPED_BYTES;
  return format.parts.reduce(
    (sum, part) => sum + (typeof part === 'string' ? Buffer.byteLength(part) : one),
    REST_BYTES_MAX,
  );
}
