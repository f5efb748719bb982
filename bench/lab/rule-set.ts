// The rules of rule-count.ts: hosts × paths × header values, and the same rules as each contestant would be told them.
// Owns what is asked and the three notations. Leaves starting and timing to rule-count.ts.

/** How many of each; their product is the number of rules. */
export interface RuleShape {
  readonly hosts: number;
  readonly paths: number;
  readonly tenants: number;
}

/** The whole set. Smaller ones are its end, so that all of them hold the request that the load asks for. */
export const WHOLE: RuleShape = { hosts: 25, paths: 40, tenants: 10 };

export const FEW: RuleShape = { hosts: 1, paths: 5, tenants: 2 };

/** The last host, path and value of the set: what the load asks for, in every set. Only its rule leads to `asked`. */
export const DEEP = {
  host: `shop-${WHOLE.hosts - 1}.example.com`,
  path: `/api/v1/service-${WHOLE.paths - 1}/items/42`,
  tenant: `tenant-${WHOLE.tenants - 1}`,
};

type Pool = 'asked' | 'other';

interface Rule {
  readonly host: string;
  /** Without a closing slash. */
  readonly prefix: string;
  readonly tenant: string;
  readonly pool: Pool;
}

export const ruleCount = ({ hosts, paths, tenants }: RuleShape): number => hosts * paths * tenants;

/** The last `count` of `whole` numbers, in order. */
const ending = (count: number, whole: number): number[] => Array.from({ length: count }, (_, i) => whole - count + i);

const hostsOf = (shape: RuleShape): string[] =>
  ending(shape.hosts, Math.max(shape.hosts, WHOLE.hosts)).map((host) => `shop-${host}.example.com`);

function rulesOfHost(shape: RuleShape, host: string): Rule[] {
  return ending(shape.paths, Math.max(shape.paths, WHOLE.paths)).flatMap((path) =>
    ending(shape.tenants, Math.max(shape.tenants, WHOLE.tenants)).map((number): Rule => {
      const prefix = `/api/v1/service-${path}`;
      const tenant = `tenant-${number}`;
      const deep = host === DEEP.host && DEEP.path.startsWith(`${prefix}/`) && tenant === DEEP.tenant;
      return { host, prefix, tenant, pool: deep ? 'asked' : 'other' };
    }),
  );
}

/** Routes as Sevenfold's configuration and its compiler take them. */
export function sevenfoldRoutes(shape: RuleShape) {
  return hostsOf(shape).map((host) => ({
    hostnames: [host],
    rules: rulesOfHost(shape, host).map(({ prefix, tenant, pool }) => ({
      matches: [
        { path: { type: 'PathPrefix' as const, value: prefix }, headers: [{ name: 'X-Tenant', value: tenant }] },
      ],
      pool,
    })),
  }));
}

/** Sevenfold's whole configuration, as JSON. Nothing listens on `closedPort`: a request led there fails. */
export function sevenfoldConfig(shape: RuleShape, port: number, originPort: number, closedPort: number): string {
  return JSON.stringify({
    listeners: [{ address: `127.0.0.1:${port}` }],
    routes: sevenfoldRoutes(shape),
    pools: {
      asked: { servers: [{ address: `127.0.0.1:${originPort}` }] },
      other: { servers: [{ address: `127.0.0.1:${closedPort}` }] },
    },
  });
}

/**
 * The maps and servers of an nginx configuration: a server per host, a location per path, and in each location a map of
 * its own from the header to the upstream. nginx hashes the first and the last and walks a tree of prefixes between.
 */
export function nginxRules(shape: RuleShape, port: number): { readonly maps: string; readonly servers: string } {
  const maps: string[] = [];
  const servers: string[] = [];
  hostsOf(shape).forEach((host, hostNumber) => {
    const byPrefix = new Map<string, Rule[]>();
    for (const rule of rulesOfHost(shape, host))
      byPrefix.set(rule.prefix, [...(byPrefix.get(rule.prefix) ?? []), rule]);
    const locations = [...byPrefix].map(([prefix, rules], pathNumber) => {
      const pool = `$pool_${hostNumber}_${pathNumber}`;
      maps.push(`  map $http_x_tenant ${pool} { ${rules.map((one) => `${one.tenant} ${one.pool};`).join(' ')} }`);
      return `    location ${prefix}/ { if (${pool} = "") { return 404; } proxy_pass http://${pool}; }`;
    });
    servers.push(
      `  server {\n    listen 127.0.0.1:${port};\n    server_name ${host};\n${locations.join('\n')}\n` +
        '    location / { return 404; }\n  }',
    );
  });
  return { maps: maps.join('\n'), servers: servers.join('\n') };
}

/** One map file for HAProxy: `tenant@host/path/` to the backend. Its lookup takes the longest beginning, from a tree. */
export function haproxyMap(shape: RuleShape): string {
  const rules = hostsOf(shape).flatMap((host) => rulesOfHost(shape, host));
  return `${rules.map(({ host, prefix, tenant, pool }) => `${tenant}@${host}${prefix}/ ${pool}`).join('\n')}\n`;
}
