// Opens one TLS connection after the other, with one request on each, by full or by resumed handshakes: a closed loop.
// Asks every connection what its handshake was; one that is not what was wanted counts as failed.
import { type ConnectionOptions, connect, createSecureContext } from 'node:tls';
import { type KeyType, nodeOffer } from '../tls-offer.js';
import { type LoadResult, PERCENTILES } from './load.js';

/** `full`: a certificate is shown and a signature made. `resumed`: an earlier session goes on by its ticket. */
export type HandshakeKind = 'full' | 'resumed';

export interface HandshakePlan {
  readonly host: string;
  readonly port: number;
  readonly servername: string;
  /** One request that asks for the connection to be closed behind its answer. */
  readonly request: string;
  readonly handshake: HandshakeKind;
  /** The kind of certificate to be shown; undefined leaves it to the server. */
  readonly key?: KeyType | undefined;
  /** Whether the clients keep to TLS_OFFER. */
  readonly pinned: boolean;
  readonly connections: number;
  readonly seconds: number;
}

const TIMEOUT_MS = 10_000;

interface Visit {
  readonly good: boolean;
  readonly resumed: boolean;
}

/** Runs the loop to its end. Rejects when no session can be had to resume. */
export async function runHandshakes(plan: HandshakePlan): Promise<LoadResult> {
  const offer = plan.pinned ? nodeOffer(plan.key) : { rejectUnauthorized: false };
  // One context for all: reading options again for each connection would be most of the client's work.
  const options: ConnectionOptions = {
    ...offer,
    secureContext: createSecureContext(offer),
    host: plan.host,
    port: plan.port,
    servername: plan.servername,
  };
  let session: Buffer | undefined;
  const keep = (fresh: Buffer): void => {
    session = fresh;
  };
  if (plan.handshake === 'resumed') {
    await visit(options, plan.request, keep);
    if (session === undefined) throw new Error(`${plan.host}:${plan.port} gave no session to resume`);
  }
  const startMs = performance.now();
  const endMs = startMs + plan.seconds * 1000;
  const timesUs: number[] = [];
  let badStatuses = 0;
  let socketErrors = 0;
  const one = async (): Promise<void> => {
    const fromMs = performance.now();
    const wanted = plan.handshake === 'resumed' ? session : undefined;
    try {
      const { good, resumed } = await visit(
        wanted === undefined ? options : { ...options, session: wanted },
        plan.request,
        keep,
      );
      timesUs.push((performance.now() - fromMs) * 1000);
      if (!good || resumed !== (plan.handshake === 'resumed')) badStatuses++;
    } catch {
      socketErrors++;
    }
  };
  await Promise.all(
    Array.from({ length: plan.connections }, async () => {
      while (performance.now() < endMs) await one();
    }),
  );
  timesUs.sort((a, b) => a - b);
  return {
    requests: timesUs.length,
    badStatuses,
    socketErrors,
    seconds: (performance.now() - startMs) / 1000,
    latencyUs: PERCENTILES.map((percentile) =>
      Math.round(timesUs[Math.ceil((percentile / 100) * timesUs.length) - 1] ?? 0),
    ),
  };
}

/** One connection, from its handshake to its end: whether it was answered with 200, and what the handshake was. */
function visit(options: ConnectionOptions, request: string, onSession: (session: Buffer) => void): Promise<Visit> {
  return new Promise((resolve, reject) => {
    let head = '';
    let resumed = false;
    const socket = connect(options, () => {
      resumed = socket.isSessionReused();
      socket.write(request, 'latin1');
    });
    socket.setTimeout(TIMEOUT_MS, () => socket.destroy(new Error(`no answer within ${TIMEOUT_MS / 1000} s`)));
    socket.on('session', onSession);
    socket.on('data', (piece: Buffer) => {
      if (head.length < 12) head += piece.toString('latin1', 0, 12);
    });
    socket.on('error', reject);
    socket.on('close', () => {
      if (head === '') reject(new Error('the connection was closed before it was answered'));
      else resolve({ good: head.startsWith('HTTP/1.1 200'), resumed });
    });
  });
}
