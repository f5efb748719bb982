// The open loop: sends each request at its time, whatever the answers do, and times it from when it was due.
// A client that waits for answers before it sends on hides every stall (coordinated omission); this one cannot.
import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { Worker } from 'node:worker_threads';
import { build, type Histogram } from 'hdr-histogram-js';
import { ResponseReader } from './response-reader.js';
import { startTicker } from './ticker.js';

/** Wake-ups closer together than this are merged: each costs the generator some 5 µs of its core. */
const TICK_NS_MIN = 100_000;
const LATENCY_US_MAX = 600_000_000;

export interface OpenLoopPlan {
  readonly scheme: 'http' | 'https';
  readonly host: string;
  readonly port: number;
  /** The whole request, ready to send. */
  readonly request: Buffer;
  readonly connections: number;
  readonly ratePerSecond: number;
  readonly seconds: number;
  /** Whether each request opens a connection of its own; its time counts. */
  readonly closes: boolean;
  /** How long to wait for answers after the last request was due. */
  readonly graceSeconds: number;
}

export interface OpenLoopTimes {
  /** Microseconds from due to answered, one value per request that was due, answered or not. */
  readonly latency: Histogram;
  /** Microseconds that the generator itself was late in sending. */
  readonly lateness: Histogram;
  readonly badStatuses: number;
  /** Requests lost with their connection, and answers that did not come in time. */
  readonly socketErrors: number;
  /** Due, but every connection was busy until the end; recorded with the time they had waited by then. */
  readonly unsent: number;
}

/** Runs one open loop to its end. Rejects when the first connections cannot be opened. */
export async function runOpenLoop(plan: OpenLoopPlan): Promise<OpenLoopTimes> {
  const loop = new OpenLoop(plan);
  return loop.run();
}

/** One connection: free, or waiting for the answer to the request of index `sent`. */
class Slot {
  socket: Socket | undefined;
  sent = -1;
  readonly reader = new ResponseReader();
}

class OpenLoop {
  private readonly plan: OpenLoopPlan;
  private readonly total: number;
  private readonly intervalUs: number;
  private readonly latency = histogram();
  private readonly lateness = histogram();
  private readonly free: Slot[] = [];
  private readonly slots: Slot[] = [];
  private startUs = 0;
  /** Index of the next request to send; all before it are sent. */
  private next = 0;
  private answered = 0;
  /** Since when a connection has been free: what waited before that waited for the proxy, not for us. */
  private freeSinceUs = 0;
  private badStatuses = 0;
  private socketErrors = 0;
  private over = false;
  private allAnswered: () => void = () => {};

  constructor(plan: OpenLoopPlan) {
    this.plan = plan;
    this.total = Math.max(1, Math.round(plan.ratePerSecond * plan.seconds));
    this.intervalUs = 1e6 / plan.ratePerSecond;
  }

  async run(): Promise<OpenLoopTimes> {
    for (let at = 0; at < this.plan.connections; at++) {
      const slot = new Slot();
      this.slots.push(slot);
      this.free.push(slot);
    }
    if (!this.plan.closes) await Promise.all(this.slots.map((slot) => this.open(slot)));
    const done = new Promise<void>((resolve) => {
      this.allAnswered = resolve;
    });
    // A moment for the ticker's thread to start; nothing is due before it.
    const startNs = process.hrtime.bigint() + 200_000_000n;
    this.startUs = Number(startNs / 1000n);
    this.freeSinceUs = this.startUs;
    const ticker = this.tickFrom(startNs);
    const timer = setTimeout(() => this.allAnswered(), (this.plan.seconds + this.plan.graceSeconds) * 1000 + 200);
    await done;
    clearTimeout(timer);
    await ticker.terminate();
    return this.finish();
  }

  private tickFrom(startNs: bigint): Worker {
    const intervalNs = Math.max(this.intervalUs * 1000, TICK_NS_MIN);
    const ticker = startTicker({ startNs, intervalNs, count: Math.ceil((this.plan.seconds * 1e9) / intervalNs) + 1 });
    ticker.on('message', () => this.sendDue());
    return ticker;
  }

  private dueUs(index: number): number {
    return this.startUs + index * this.intervalUs;
  }

  /** Sends what is due, as far as connections are free. Hot: allocates nothing for itself. */
  private sendDue(): void {
    while (!this.over && this.next < this.total && this.free.length > 0) {
      const now = nowUs();
      const due = this.dueUs(this.next);
      if (due > now) return;
      this.lateness.recordValue(clamp(now - Math.max(due, this.freeSinceUs)));
      const slot = this.free.pop()!;
      slot.sent = this.next++;
      if (slot.socket !== undefined) slot.socket.write(this.plan.request);
      else
        this.open(slot).then(
          () => slot.socket?.write(this.plan.request),
          () => this.lost(slot),
        );
    }
  }

  private open(slot: Slot): Promise<void> {
    return new Promise((resolve, reject) => {
      const { host, port, scheme } = this.plan;
      // Certificates are the benchmark's own, and what is measured is time, not trust.
      const socket =
        scheme === 'https'
          ? connectTls({ host, port, rejectUnauthorized: false }, resolve)
          : connectTcp({ host, port }, resolve);
      socket.setNoDelay(true);
      slot.socket = socket;
      slot.reader.reset();
      socket.on('error', reject);
      socket.on('data', (chunk: Buffer) => this.received(slot, socket, chunk));
      socket.on('close', () => {
        if (slot.socket !== socket) return;
        slot.socket = undefined;
        if (slot.reader.close() > 0) this.record(slot);
        else if (slot.sent >= 0) this.lost(slot);
      });
    });
  }

  private received(slot: Slot, socket: Socket, chunk: Buffer): void {
    if (slot.socket !== socket) return;
    let finished = 0;
    try {
      finished = slot.reader.push(chunk);
    } catch {
      socket.destroy();
      return;
    }
    if (finished === 0) return;
    if (slot.reader.closing || this.plan.closes) {
      slot.socket = undefined;
      socket.destroy();
    }
    this.record(slot);
  }

  private record(slot: Slot): void {
    if (this.over || slot.sent < 0) return;
    this.latency.recordValue(clamp(nowUs() - this.dueUs(slot.sent)));
    if (slot.reader.status >= 400) this.badStatuses++;
    this.settle(slot);
  }

  private lost(slot: Slot): void {
    if (this.over || slot.sent < 0) return;
    this.socketErrors++;
    slot.socket = undefined;
    this.settle(slot);
  }

  private settle(slot: Slot): void {
    slot.sent = -1;
    this.answered++;
    if (this.free.length === 0) this.freeSinceUs = nowUs();
    this.free.push(slot);
    if (this.answered === this.total) this.allAnswered();
    else this.sendDue();
  }

  private finish(): OpenLoopTimes {
    this.over = true;
    const end = nowUs();
    for (const slot of this.slots) {
      slot.socket?.destroy();
      if (slot.sent < 0) continue;
      this.socketErrors++;
      this.latency.recordValue(clamp(end - this.dueUs(slot.sent)));
    }
    for (let index = this.next; index < this.total; index++) this.latency.recordValue(clamp(end - this.dueUs(index)));
    return {
      latency: this.latency,
      lateness: this.lateness,
      badStatuses: this.badStatuses,
      socketErrors: this.socketErrors,
      unsent: this.total - this.next,
    };
  }
}

function histogram(): Histogram {
  return build({ lowestDiscernibleValue: 1, highestTrackableValue: LATENCY_US_MAX, numberOfSignificantValueDigits: 3 });
}

function nowUs(): number {
  return Number(process.hrtime.bigint() / 1000n);
}

function clamp(us: number): number {
  return Math.min(LATENCY_US_MAX, Math.max(1, Math.round(us)));
}
