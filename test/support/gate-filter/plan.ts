// Gate: what the workers get.

import type { Config } from './config.js';

export interface Plan {
  readonly type: 'Gate';
  readonly ask: string;
  readonly timeoutMs: number;
  readonly requestBytesMax: number;
  readonly responseBytesMax: number;
}

export function plan({ type, gate }: Config): Plan {
  return { type, ...gate };
}
