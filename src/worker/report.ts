// What a worker reports: what it counts, what it holds, and with SEVENFOLD_CHECKS what is wrong with it.

import { CONTROL } from '../engine/layout.js';
import { checkInvariants } from './invariants.js';
import type { Worker } from './worker.js';

/** A report looks over the whole worker for rules of its own that are broken: slow, so only where it is asked for. */
const CHECKS = process.env.SEVENFOLD_CHECKS === '1';

/** What an operator, or a test that looks for leaks, wants to know. */
export function reportOf(w: Worker) {
  const { engine } = w;
  return {
    worker: w.index,
    requests: w.counters.requests,
    applied: w.counters.applied,
    exchangesEnded: w.exchangeCounts.ended,
    exchangesByStatusClass: w.exchangeCounts.byClass,
    accepted: w.counters.accepted,
    backendsOpened: w.counters.opened,
    backendsReused: w.counters.reused,
    retries: w.counters.retries,
    clientsTooSlow: w.counters.clientsTooSlow,
    fallbacks: w.counters.fallbacks,
    bodiesNotKept: Object.fromEntries(w.counters.bodiesNotKept),
    connections: engine.counter(CONTROL.connections),
    clientConnections: engine.counter(CONTROL.clientConnections),
    chunksUsed: w.chunksUsed,
    spansQueued: engine.counter(CONTROL.queuedSpans),
    bytesQueued: engine.counter(CONTROL.queuedBytes),
    slabFull: engine.counter(CONTROL.slabFull),
    refused: engine.counter(CONTROL.refused),
    acceptPauses: engine.counter(CONTROL.acceptPauses),
    parsersUsed: w.llhttp.used,
    handshakes: w.counters.handshakes,
    resumptions: w.counters.resumptions,
    handshakesFailed: w.counters.handshakesFailed,
    handshakesRefused: w.counters.handshakesRefused,
    certificatesRefused: Object.fromEntries(w.counters.certificatesRefused),
    handshaking: w.handshakes,
    mirrors: w.mirrors,
    mirrored: w.counters.mirrored,
    mirrorsDropped: Object.fromEntries(w.counters.mirrorsDropped),
    secured: engine.counter(CONTROL.secured),
    policies: Object.fromEntries(w.counters.policies),
    rateKeysEvicted: w.limitTables.rates.evicted,
    reasons: w.counters.reasons.toObject(),
    violations: CHECKS ? checkInvariants(w) : undefined,
  };
}
