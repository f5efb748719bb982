// What every attack is measured by: the status, the close, what the server saw, and that the next request is served.
// Owns one proxy and one origin per test file. Leaves the bytes to the attacks.

import assert from 'node:assert/strict';
import { after, before } from 'node:test';
import { start as startAnswers } from '../origins/answers.js';
import type { RawOrigin } from '../origins/raw.js';
import { readResponses, statusOf } from './messages.js';
import { type ProxySpec, type RunningProxy, startProxy } from './proxy.js';
import { ask, get, WireClient } from './wire-client.js';

/** What became of an attack. */
export interface Aftermath {
  /** Statuses the client saw before the connection ended, in order. */
  readonly statuses: readonly number[];
  /** Request lines the origin saw of it. */
  readonly reached: readonly string[];
}

export class Siege {
  origin!: RawOrigin;
  proxy!: RunningProxy;

  /** Call inside `describe`: starts both before its tests, stops both after them. */
  constructor(spec: Omit<ProxySpec, 'servers'> = {}) {
    before(async () => {
      this.origin = await startAnswers();
      this.proxy = await startProxy({ servers: [this.origin.address], ...spec });
    });
    after(async () => {
      await this.proxy.heldNothing();
      await this.proxy.stop();
      await this.origin.close();
    });
  }

  /** Sends `bytes` on a new connection, waits until the proxy closes it, and checks that others are served. */
  async attack(bytes: string): Promise<Aftermath> {
    this.origin.requests.length = 0;
    this.origin.malformed.length = 0;
    const client = await WireClient.connect(this.proxy.place);
    try {
      await client.send(bytes);
      await client.closed();
      const methods = Array.from({ length: 50 }, () => 'GET');
      const statuses = client.received === '' ? [] : readResponses(client.received, methods, true).map(statusOf);
      const reached = this.origin.requests.map((request) => request.startLine);
      await this.servesOthers();
      return { statuses, reached };
    } finally {
      client.close();
    }
  }

  /** The attack is answered with `status` alone, its connection closes, and nothing of it reaches the origin. */
  async refuses(bytes: string, status: number): Promise<void> {
    const { statuses, reached } = await this.attack(bytes);
    assert.deepEqual(statuses, [status]);
    assert.deepEqual(reached, []);
  }

  /** An ordinary request on a new connection is answered, and the origin never saw bytes it could not read. */
  async servesOthers(): Promise<void> {
    assert.equal(statusOf(await ask(this.proxy.place, get('/others'))), 200);
    const malformed = this.origin.malformed.splice(0);
    assert.deepEqual(malformed, [], 'the origin got bytes that are no strict request');
    this.origin.requests.length = 0;
  }
}
