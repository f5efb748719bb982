// Another try, when that is safe: nothing of a response seen, and the request either never left or may arrive twice.

import { isIdempotent } from '../http/methods.js';
import { REASONS, type ReasonCode } from '../http/reasons.js';
import { fail } from './answer.js';
import { closeClient } from './client.js';
import { CLIENT, type ClientConnection, NOWHERE } from './connections.js';
import { forward } from './forward.js';
import { closeBackend } from './reuse.js';
import { tunnelConnect } from './tunnel.js';
import type { Worker } from './worker.js';

/** The request is still here, whole: its head is held, and so is what was sent of its body. */
function inHand(client: ClientConnection): boolean {
  return client.headAt !== NOWHERE && client.bodyBytesTotal === (client.bodyAt === NOWHERE ? 0 : client.bodyBytes);
}

function mayRetry(w: Worker, client: ClientConnection, code: ReasonCode): boolean {
  const { retry } = REASONS[code];
  if (retry === 'never' || client.responseStarted || client.ended) return false;
  if (retry === 'idempotent methods' && !(isIdempotent(client.method) && !client.upgrade)) return false;
  return client.tries <= w.plan.limits.retriesMax && inHand(client);
}

/**
 * The backend connection failed before a response began. Tries another server, or the same one over a new connection
 * when it was a kept one that had gone stale; answers with `code` when that is not safe or not possible.
 */
export function retryOrFail(w: Worker, client: ClientConnection, code: ReasonCode): void {
  const backend = client.backend!;
  const { server, reused } = backend;
  if (client.rule === null) {
    // A passthrough that could not connect: the next server, as often as a request would be tried.
    closeBackend(w, backend);
    client.tried.add(server!.index);
    if (client.tries <= w.plan.limits.retriesMax) {
      tunnelConnect(w, client);
      return;
    }
    w.count(code);
    closeClient(w, client, true);
    return;
  }
  if (!mayRetry(w, client, code)) {
    fail(w, client, code);
    return;
  }
  closeBackend(w, backend);
  w.counters.retries++;
  client.state = CLIENT.WAITING;
  if (reused && code === 'SERVER_LEFT') {
    client.fresh = true;
    client.tries--;
  } else {
    client.tried.add(server!.index);
  }
  if (client.bodyAt !== NOWHERE) restoreBody(w, client);
  forward(w, client, code);
}

/** What was sent of the body is pending again. */
function restoreBody(w: Worker, client: ClientConnection): void {
  w.engine.retain(client.bodyAt);
  client.request.set(client.request.kind, client.bodyBytes);
  client.pendingAt = client.bodyAt;
  client.pendingBytes = client.bodyBytes;
  client.bodyBytesTotal = 0;
  client.bodyAt = NOWHERE;
}
