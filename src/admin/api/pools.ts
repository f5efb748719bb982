// Pools and their servers: how they are, and what an operator changes about them.
// Owns the resources and what a change may be. Leaves applying it to primary/, keeping it to primary/operator.ts.

import { z } from 'zod';
import { alternatives, didYouMean, Refusal } from '../../base/problems.js';
import { readListenAddress } from '../../config/units.js';
import type { ResolvedServer } from '../../health/discovery.js';
import { addressOf, KEEPS, type Keep, type OperatorChange, SERVER_STATES } from '../../primary/operator.js';
import type { Primary } from '../../primary/primary.js';
import type { PoolReport, ServerReport } from '../../primary/report.js';
import { Refused } from '../problem.js';
import { type Call, type Endpoint, type Reply, running } from './endpoint.js';
import { checkTag, tagOf } from './etag.js';

const keep = z
  .enum(KEEPS)
  .default('reload')
  .describe("How long the change holds: until the next reload that is applied, or 'saved' over reloads and restarts.");

const patch = z
  .strictObject({
    weight: z
      .int()
      .min(0)
      .max(1000)
      .nullable()
      .optional()
      .describe('Its share; null takes that of the configuration again.'),
    state: z
      .enum(SERVER_STATES)
      .optional()
      .describe('drain leaves it to the clients of its sessions, maintenance to no request, ready takes either back.'),
    removed: z.boolean().optional().describe('false takes back that it was deleted.'),
    keep,
  })
  .describe('What is to be changed about a server.');

const put = z
  .strictObject({
    address: z.string().describe('IP address and port, or unix:/PATH.'),
    weight: z.int().min(0).max(1000).default(1),
    backup: z.boolean().default(false),
    keep,
  })
  .describe('A server that the configuration does not have.');

const SERVER = '/pools/{pool}/servers/{server}';
const MISSING = { 404: 'There is no such pool or server.' };
const WRITTEN = {
  ...MISSING,
  409: 'It cannot be: an address twice, or nowhere to save it.',
  412: 'It has changed since, as If-Match shows.',
};

export const POOLS: readonly Endpoint[] = [
  {
    method: 'GET',
    path: '/pools',
    says: 'Every pool with its servers, all workers together.',
    run: (call) => {
      const { primary } = running(call);
      return { body: { pools: Object.keys(primary.pools).map((name) => poolOf(primary, name)) } };
    },
  },
  {
    method: 'GET',
    path: '/pools/{pool}',
    says: 'One pool with its servers.',
    answers: MISSING,
    run: (call) => ({ body: poolOf(running(call).primary, poolName(call)) }),
  },
  {
    method: 'GET',
    path: '/pools/{pool}/servers',
    says: 'The servers of a pool, with what each layer says of them.',
    answers: MISSING,
    run: (call) => {
      const { primary } = running(call);
      return { body: { servers: serversOf(primary, poolName(call)) } };
    },
  },
  {
    method: 'GET',
    path: SERVER,
    says: 'One server of a pool.',
    answers: MISSING,
    run: (call) => serverReply(call),
  },
  {
    method: 'PATCH',
    path: SERVER,
    says: 'Changes the weight or the state of a server.',
    body: patch,
    answers: WRITTEN,
    run: (call) => changeServer(call),
  },
  {
    method: 'PUT',
    path: SERVER,
    says: 'Adds a server to a pool, or replaces one that was added.',
    body: put,
    answers: { ...WRITTEN, 201: 'It was added.' },
    run: (call) => putServer(call),
  },
  {
    method: 'DELETE',
    path: SERVER,
    says: 'Takes a server out of its pool: requests under way end there.',
    query: { keep: "'reload', the default, or 'saved', as above." },
    answers: WRITTEN,
    run: (call) => deleteServer(call),
  },
];

/** A server with what each layer says of it. */
interface ServerView {
  readonly name: string;
  readonly address: string;
  /** Who listed it. */
  readonly from: 'file' | 'discovery' | 'operator';
  readonly weight: number;
  readonly backup: boolean;
  readonly state: 'ready' | 'drain' | 'maintenance' | 'removed';
  /** What the configuration says; null for a server that it does not have. */
  readonly configured: { readonly weight: number; readonly backup: boolean } | null;
  /** What an operator says; null for nothing. */
  readonly operator: OperatorChange | null;
  /** How it is; null for one that is taken out. */
  readonly now: Omit<ServerReport, 'name' | 'address' | 'backup'> | null;
}

function poolOf(primary: Primary, name: string) {
  const { servers: _, ...report } = reportOf(primary, name);
  return { name, ...report, servers: serversOf(primary, name) };
}

function reportOf(primary: Primary, name: string): PoolReport {
  const { pools } = primary;
  const report = Object.hasOwn(pools, name) ? pools[name] : undefined;
  if (report !== undefined) return report;
  const names = Object.keys(pools);
  throw new Refused(404, `There is no pool '${name}'.`, {
    place: 'path.pool',
    found: name,
    expected: `${names.length === 0 ? 'none' : alternatives(names.slice(0, 20))}.${didYouMean(name, names)}`,
  });
}

const poolName = ({ params }: Call): string => params.pool!;

function serversOf(primary: Primary, pool: string): ServerView[] {
  const reports = new Map(reportOf(primary, pool).servers.map((server) => [server.name, server]));
  const below = primary.serversBelow(pool);
  const changes = primary.operator.pools.get(pool) ?? new Map<string, OperatorChange>();
  const listed = below.map((server) => viewOf(server, changes.get(server.name), reports.get(server.name)));
  const names = new Set(below.map(({ name }) => name));
  const added = [...changes].flatMap(([name, change]) =>
    change.added === undefined || names.has(name) ? [] : [addedView(name, change, reports.get(name))],
  );
  return [...listed, ...added];
}

function viewOf(
  server: ResolvedServer,
  change: OperatorChange | undefined,
  report: ServerReport | undefined,
): ServerView {
  const { name, address, weight, backup, host } = server;
  return {
    name,
    address,
    from: host === undefined ? 'file' : 'discovery',
    weight: change?.weight ?? weight,
    backup,
    state: change?.removed ? 'removed' : (change?.state ?? 'ready'),
    configured: { weight, backup },
    operator: change ?? null,
    now: nowOf(report),
  };
}

function addedView(name: string, change: OperatorChange, report: ServerReport | undefined): ServerView {
  const { address, weight, backup } = change.added!;
  return {
    name,
    address,
    from: 'operator',
    weight: change.weight ?? weight,
    backup,
    state: change.state ?? 'ready',
    configured: null,
    operator: change,
    now: nowOf(report),
  };
}

function nowOf(report: ServerReport | undefined): ServerView['now'] {
  if (report === undefined) return null;
  const { name: _, address: __, backup: ___, ...now } = report;
  return now;
}

/** What can be written of a server: what its tag stands for. */
const writable = ({ name, address, weight, backup, state, operator }: ServerView) => ({
  name,
  address,
  weight,
  backup,
  state,
  operator,
});

function serverOf(call: Call): ServerView | undefined {
  const { primary } = running(call);
  return serversOf(primary, poolName(call)).find(({ name }) => name === call.params.server);
}

function serverReply(call: Call, status = 200): Reply {
  const server = serverOf(call);
  if (server === undefined) throw missing(call);
  return { status, body: server, headers: { ETag: tagOf(writable(server)) } };
}

function missing(call: Call): Refused {
  const names = serversOf(running(call).primary, poolName(call)).map(({ name }) => name);
  const { pool, server } = call.params as { pool: string; server: string };
  return new Refused(404, `Pool '${pool}' has no server '${server}'.`, {
    place: 'path.server',
    found: server,
    expected: `${names.length === 0 ? 'none' : alternatives(names.slice(0, 20))}.${didYouMean(server, names)}`,
  });
}

async function changeServer(call: Call): Promise<Reply> {
  const { weight, state, removed, keep } = call.body as z.output<typeof patch>;
  if (serverOf(call) === undefined) throw missing(call);
  if (weight === undefined && state === undefined && removed === undefined) {
    throw new Refused(400, 'Nothing is to be changed.', {
      place: 'body',
      found: '{}',
      expected: 'weight, state or removed',
    });
  }
  await operate(call, keep, (now) => {
    const { weight: weightNow, state: stateNow, removed: removedNow, ...rest } = now ?? {};
    const next = {
      ...rest,
      ...part('weight', weight === undefined ? weightNow : (weight ?? undefined)),
      ...part('state', state === undefined ? stateNow : state === 'ready' ? undefined : state),
      ...part('removed', (removed ?? removedNow) ? (true as const) : undefined),
    };
    return Object.keys(next).every((key) => key === 'keep') ? undefined : { ...next, keep };
  });
  return serverReply(call);
}

/** An object with the key, unless the value is undefined. */
const part = <Key extends string, Value>(key: Key, value: Value | undefined): Partial<Record<Key, Value>> =>
  value === undefined ? {} : ({ [key]: value } as Record<Key, Value>);

async function putServer(call: Call): Promise<Reply> {
  const { address, weight, backup, keep } = call.body as z.output<typeof put>;
  const before = serverOf(call);
  if (before !== undefined && before.from !== 'operator') {
    throw new Refused(409, `The configuration has a server '${before.name}'.`, {
      place: 'path.server',
      found: before.name,
      expected: 'another name; or PATCH, to change that one',
    });
  }
  if (!/^[\w.:[\]/-]{1,200}$/.test(call.params.server!)) {
    throw new Refused(400, 'This is not a name for a server.', {
      place: 'path.server',
      found: call.params.server!,
      expected: 'letters, digits and any of -._:[]/',
    });
  }
  const read = readListenAddress(address);
  const endpoint = read instanceof Refusal ? undefined : read.endpoint;
  if (endpoint === undefined || (endpoint.kind === 'tcp' && endpoint.port === 0) || address.startsWith(':')) {
    throw new Refused(400, `'${address}' is not an address of a server.`, {
      place: 'body.address',
      found: address,
      expected: 'IP:PORT, [IPv6]:PORT or unix:/PATH; names are for the configuration',
    });
  }
  await operate(call, keep, () => ({ added: { address: addressOf(endpoint), endpoint, weight, backup }, keep }));
  return serverReply(call, before === undefined ? 201 : 200);
}

async function deleteServer(call: Call): Promise<Reply> {
  const before = serverOf(call);
  if (before === undefined) throw missing(call);
  const text = call.query.get('keep') ?? 'reload';
  const keep = KEEPS.find((known) => known === text);
  if (keep === undefined) {
    throw new Refused(400, `'${text}' is not how long a change can hold.`, {
      place: 'query.keep',
      found: text,
      expected: alternatives(KEEPS),
    });
  }
  await operate(call, keep, () => (before.from === 'operator' ? undefined : { removed: true, keep }));
  return { status: 204, body: undefined };
}

/** Makes a change, if the state is still the one that the request is for, and writes the audit line. */
async function operate(
  call: Call,
  keep: Keep,
  change: (now: OperatorChange | undefined) => OperatorChange | undefined,
): Promise<void> {
  const { target, params, by } = call;
  const { primary } = running(call);
  const { pool, server } = params as { pool: string; server: string };
  const file = target.loaded?.config.admin?.stateFile;
  if (keep === 'saved' && file === undefined) {
    throw new Refused(409, 'There is no file to save it in.', {
      place: 'admin.stateFile',
      found: 'none',
      expected: "'admin.stateFile' in the configuration, or keep: reload",
    });
  }
  let says = '';
  const done = await primary
    .operate(
      pool,
      server,
      (now) => {
        const seen = serverOf(call);
        checkTag(call, seen === undefined ? undefined : tagOf(writable(seen)));
        const next = change(now);
        says = wordsOf(next);
        return next;
      },
      (layer) => {
        if (file !== undefined && layer.savedText !== primary.operator.savedText) layer.write(file);
      },
    )
    .catch((error: Error) => {
      if (error instanceof Refused) throw error;
      throw new Refused(409, 'The change cannot be made.', { found: error.message });
    });
  if (!done) throw new Refused(503, 'The service ends.');
  target.emit({ type: 'operator.changed', by, what: `server ${pool}/${server}`, says });
}

/** A change in a few words, for the audit line. */
function wordsOf(change: OperatorChange | undefined): string {
  if (change === undefined) return 'as configured';
  const { weight, state, removed, added, keep } = change;
  const parts = [
    ...(added === undefined ? [] : [`added at ${added.address} with weight ${added.weight}`]),
    ...(removed ? ['removed'] : []),
    ...(state === undefined ? [] : [state]),
    ...(weight === undefined ? [] : [`weight ${weight}`]),
  ];
  return `${parts.join(', ')}${keep === 'saved' ? ', saved' : ' until the next reload'}`;
}
