// Why a connection to a server could not be opened, by the engine's code.

import { ENGINE_ERROR } from '../engine/layout.js';
import type { ReasonCode } from '../http/reasons.js';

/** The reason behind this error of the engine's. */
export function connectReason(error: number): ReasonCode {
  if (error === ENGINE_ERROR.refused) return 'CONNECT_REFUSED';
  if (error === ENGINE_ERROR.timedOut) return 'CONNECT_TIMEOUT';
  // What we lack is not the server's fault, and trying another would not help.
  if (error === ENGINE_ERROR.noDescriptors || error === ENGINE_ERROR.noMemory) return 'OVERLOADED';
  if (error === ENGINE_ERROR.noSuchContext) return 'OVERLOADED';
  if (error === ENGINE_ERROR.tls || error === ENGINE_ERROR.truncated) return 'TLS_FAILED';
  return 'CONNECT_FAILED';
}
