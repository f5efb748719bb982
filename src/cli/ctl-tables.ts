// What the admin API answers, as tables for people. Nothing that a client sent reaches the terminal as it is.
// Owns the tables. The shapes are those of the API, as far as they are shown.

import type { ConnectionRow, ExchangeRow } from '../worker/look.js';
import { counted, table } from './terminal.js';

export interface Status {
  readonly version: string;
  readonly state: string;
  readonly uptimeSeconds: number;
  readonly generation: number;
  readonly configAppliedAt: string;
  readonly lastReload: { readonly at: string; readonly successful: boolean } | null;
  readonly workers: number;
  readonly workerDeaths: number;
  readonly listeners: readonly { readonly name: string; readonly address: string; readonly protocol: string }[];
}

export interface Server {
  readonly name: string;
  readonly address: string;
  readonly from: string;
  readonly weight: number;
  readonly backup: boolean;
  readonly state: string;
  readonly operator: { readonly keep: string } | null;
  readonly now: {
    readonly status: string;
    readonly weight: number;
    readonly inFlight: number;
    readonly connections: number;
    readonly failures: number;
    readonly ejections: number;
  } | null;
}

export interface Servers {
  readonly servers: readonly Server[];
}

export interface Pools {
  readonly pools: readonly (Servers & {
    readonly name: string;
    readonly requests: number;
    readonly waiting: number;
    readonly ejected: number;
  })[];
}

export interface Routes {
  readonly matches: readonly {
    readonly host: string;
    readonly path: string;
    readonly method: string;
    readonly conditions: readonly string[];
    readonly rule: string;
    readonly target: string;
  }[];
  readonly connections: readonly {
    readonly listener: string;
    readonly protocol: string;
    readonly serverName: string;
    readonly target: string;
  }[];
}

export interface Exchanges {
  readonly exchanges: readonly ExchangeRow[];
}

export interface Connections {
  readonly connections: readonly ConnectionRow[];
}

export interface Certificates {
  readonly certificates: readonly {
    readonly user: string;
    readonly names: readonly string[];
    readonly notAfter: string;
    readonly daysLeft: number;
    readonly file: string;
  }[];
}

export interface Events {
  readonly events: readonly { readonly id: number; readonly time: string; readonly event: Record<string, unknown> }[];
}

/** A text for the terminal: control bytes would move its cursor, or worse. */
export const safe = (text: string): string =>
  text.replace(/[\p{Cc}\p{Cf}]/gu, (char) => `\\x${char.codePointAt(0)!.toString(16).padStart(2, '0')}`);

const cells = (...values: readonly (string | number | null)[]): string[] =>
  values.map((value) => (value === null || value === '' ? '-' : safe(String(value))));

/** `1d 4h`, `3m 20s`, `250ms`. */
export function ageText(ms: number): string {
  if (ms < 1000) return `${ms}ms`;
  const units = [
    ['d', 86_400],
    ['h', 3600],
    ['m', 60],
    ['s', 1],
  ] as const;
  const first = units.findIndex(([, seconds]) => ms / 1000 >= seconds);
  let left = Math.floor(ms / 1000);
  return units
    .slice(first, first + 2)
    .flatMap(([unit, seconds]) => {
      const count = Math.floor(left / seconds);
      left -= count * seconds;
      return count === 0 ? [] : [`${count}${unit}`];
    })
    .join(' ');
}

export const plain = (answer: object): string => `${JSON.stringify(answer, null, 2)}\n`;

export function status(now: Status): string {
  const { lastReload: reload } = now;
  const lines = [
    ['sevenfold', now.version],
    ['state', now.state],
    ['up for', ageText(now.uptimeSeconds * 1000)],
    ['workers', `${now.workers}${now.workerDeaths === 0 ? '' : `, ${counted(now.workerDeaths, 'death')}`}`],
    ['configuration', `generation ${now.generation}, applied ${now.configAppliedAt}`],
    ['last reload', reload === null ? 'none' : `${reload.at}, ${reload.successful ? 'applied' : 'refused'}`],
    ...now.listeners.map(({ name, address, protocol }) => [
      'listener',
      `${address} (${protocol}${name === '' ? '' : `, ${name}`})`,
    ]),
  ] as const;
  return lines.map(([name, value]) => `${name!.padEnd(14)}${safe(value!)}\n`).join('');
}

export function pools({ pools: all }: Pools): string {
  const rows = all.map(({ name, requests, waiting, ejected, servers: own }) => {
    const up = own.filter(({ now }) => now?.status === 'UP' || now?.status === 'SLOW_START').length;
    const inFlight = own.reduce((sum, { now }) => sum + (now?.inFlight ?? 0), 0);
    return cells(name, `${up}/${own.length}`, requests, inFlight, waiting, ejected);
  });
  return table(['POOL', 'UP', 'REQUESTS', 'IN FLIGHT', 'WAITING', 'EJECTED'], rows);
}

export function servers({ servers: all }: Servers): string {
  const rows = all.map(({ name, address, from, state, weight, backup, operator, now }) =>
    cells(
      name,
      address,
      now?.status ?? state.toUpperCase(),
      weight,
      now?.inFlight ?? null,
      now?.connections ?? null,
      now?.failures ?? null,
      `${from}${backup ? ', backup' : ''}`,
      operator === null ? null : `${state}, ${operator.keep === 'saved' ? 'saved' : 'until reload'}`,
    ),
  );
  return table(
    ['SERVER', 'ADDRESS', 'STATUS', 'WEIGHT', 'IN FLIGHT', 'CONNECTIONS', 'FAILURES', 'FROM', 'OPERATOR'],
    rows,
  );
}

export function routes({ matches, connections: raw }: Routes): string {
  const rows = matches.map(({ host, path, method, conditions, rule, target }, index) =>
    cells(index + 1, host, path, method, conditions.join(', '), rule, target),
  );
  const lines = raw.map(({ listener, protocol, serverName, target }) => cells(listener, protocol, serverName, target));
  return [
    ...(rows.length === 0 ? [] : [table(['#', 'HOST', 'PATH', 'METHOD', 'CONDITIONS', 'RULE', 'GOES TO'], rows)]),
    ...(lines.length === 0 ? [] : [table(['LISTENER', 'PROTOCOL', 'SERVER NAME', 'GOES TO'], lines)]),
  ].join('\n');
}

export function exchanges({ exchanges: all }: Exchanges): string {
  const rows = all.map(({ ageMs, stage, client, listener, method, path, rule, server, attempts }) =>
    cells(ageText(ageMs), stage, client, listener, `${method} ${path ?? ''}`.trim(), rule, server, attempts),
  );
  return table(['AGE', 'STAGE', 'CLIENT', 'LISTENER', 'REQUEST', 'RULE', 'SERVER', 'ATTEMPTS'], rows);
}

export function connections({ connections: all }: Connections): string {
  const rows = all.map(({ ageMs, state, client, listener, tls, worker, connection }) =>
    cells(ageText(ageMs), state, client, listener, tls, worker, connection),
  );
  return table(['AGE', 'STATE', 'CLIENT', 'LISTENER', 'TLS', 'WORKER', 'CONNECTION'], rows);
}

export function certificates({ certificates: all }: Certificates): string {
  const rows = all.map(({ daysLeft, notAfter, user, names, file }) =>
    cells(daysLeft, notAfter.slice(0, 10), user, names.map((name) => name.replace(/^DNS:/, '')).join(', '), file),
  );
  return table(['DAYS LEFT', 'UNTIL', 'USED BY', 'NAMES', 'FILE'], rows);
}
