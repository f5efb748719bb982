// Which code an event concerns: that of the protocol that its connection speaks, or what stands in front of it.
// Owns no state. Leaves the batch, and finding the connection of an event, to worker.ts.

import type { BackendConnection, ClientConnection } from '../codec/connections.js';
import { backendFlow, clientFlow } from '../codec/flow.js';
import {
  backendConnected,
  backendData,
  backendEnded,
  backendFailed,
  backendFinished,
  backendLate,
} from '../codec/h1/client.js';
import { clientEnded, clientFailed, clientFinished, clientLate, requestData } from '../codec/h1/server.js';
import type { Http2Connection } from '../codec/h2/connection.js';
import { closeConnection, http2Ended } from '../codec/h2/end-connection.js';
import { http2Data, http2Flow } from '../codec/h2/server.js';
import { connectionLate } from '../codec/h2/settle.js';
import {
  isRawBackend,
  isRawClient,
  rawBackendEvent,
  rawBackendLate,
  rawClientEvent,
  rawClientLate,
} from '../codec/raw/events.js';
import { certificateFailed } from '../codec/raw/handshake.js';
import { eventAt, eventBytes, eventKind } from '../engine/engine.js';
import { EVENT_KIND } from '../engine/layout.js';
import { clientNotSecured, clientSecured, isOpening, openingEvent, openingLate } from './accept.js';
import type { Worker } from './worker.js';

/** Hands an event of a client connection to the code that it concerns. Hot. */
export function clientEvent(w: Worker, client: ClientConnection, events: Int32Array, at: number): void {
  const kind = eventKind(events, at);
  if (client.http2 !== null) {
    http2Event(w, client.http2, events, at);
  } else if (kind === EVENT_KIND.blocked || kind === EVENT_KIND.drained) {
    clientFlow(w, client, kind === EVENT_KIND.blocked);
  } else if (isRawClient(client)) {
    rawClientEvent(w, client, kind, eventAt(events, at), eventBytes(events, at));
  } else if (isOpening(client)) {
    openingEvent(w, client, kind, eventAt(events, at), eventBytes(events, at));
  } else {
    httpEvent(w, client, events, at);
  }
}

function http2Event(w: Worker, c: Http2Connection, events: Int32Array, at: number): void {
  switch (eventKind(events, at)) {
    case EVENT_KIND.data:
      http2Data(w, c, eventAt(events, at), eventBytes(events, at));
      break;
    case EVENT_KIND.blocked:
    case EVENT_KIND.drained:
      http2Flow(w, c, eventKind(events, at) === EVENT_KIND.blocked);
      break;
    case EVENT_KIND.eof:
      http2Ended(w, c);
      break;
    case EVENT_KIND.error:
      closeConnection(w, c, true);
      break;
  }
}

function httpEvent(w: Worker, client: ClientConnection, events: Int32Array, at: number): void {
  switch (eventKind(events, at)) {
    case EVENT_KIND.data:
      requestData(w, client, eventAt(events, at), eventBytes(events, at));
      break;
    case EVENT_KIND.eof:
      clientEnded(w, client);
      break;
    case EVENT_KIND.finished:
      clientFinished(w, client, eventBytes(events, at) === 1);
      break;
    case EVENT_KIND.tlsReady:
      clientSecured(w, client, eventAt(events, at));
      break;
    case EVENT_KIND.tlsFailed:
      clientNotSecured(w, client, eventAt(events, at));
      break;
    case EVENT_KIND.error:
      certificateFailed(w, eventAt(events, at));
      clientFailed(w, client);
      break;
  }
}

/** Hands an event of a backend connection to the code that it concerns. Hot. */
export function backendEvent(w: Worker, backend: BackendConnection, events: Int32Array, at: number): void {
  const kind = eventKind(events, at);
  if (kind === EVENT_KIND.blocked || kind === EVENT_KIND.drained) {
    backendFlow(w, backend, kind === EVENT_KIND.blocked);
    return;
  }
  if (isRawBackend(backend)) {
    rawBackendEvent(w, backend, kind, eventAt(events, at), eventBytes(events, at));
    return;
  }
  switch (kind) {
    case EVENT_KIND.data:
      backendData(w, backend, eventAt(events, at), eventBytes(events, at));
      break;
    case EVENT_KIND.connected:
      backendConnected(w, backend);
      break;
    case EVENT_KIND.eof:
      backendEnded(w, backend);
      break;
    case EVENT_KIND.finished:
      backendFinished(backend);
      break;
    case EVENT_KIND.error:
      backendFailed(w, backend, eventAt(events, at));
      break;
  }
}

/** The deadline of a client connection has passed. */
export function clientExpired(w: Worker, client: ClientConnection): void {
  if (client.http2 !== null) connectionLate(w, client.http2);
  else if (isRawClient(client)) rawClientLate(w, client);
  else if (isOpening(client)) openingLate(w, client);
  else clientLate(w, client);
}

/** The deadline of a backend connection has passed, or that of the attempt it carries. */
export function backendExpired(w: Worker, backend: BackendConnection): void {
  if (isRawBackend(backend)) rawBackendLate(w, backend);
  else backendLate(w, backend);
}
