// The text of a first configuration, with comments that say what comes next.
// Owns the words of the file. Leaves asking for its values to init.ts.

/** What a first configuration is made of. Files are named as the file itself has to name them. */
export interface FirstConfig {
  readonly listen: string;
  readonly servers: readonly string[];
  readonly tls: { readonly cert: string; readonly key: string } | undefined;
}

/** The file, in YAML. */
export function firstConfig({ listen, servers, tls }: FirstConfig): string {
  return `# A first configuration, by \`sevenfold init\`. After each change: sevenfold check, then a reload (SIGHUP).

listeners:
${tls === undefined ? plainListener(listen) : secureListener(listen, tls)}
# Which requests go where: of the rules that match, the most specific one.
routes:
  - rules:
      # - { matches: [{ path: { value: /images } }], pool: images }
      - pool: app

pools:
  app:
    balance: least-requests
    servers:
${servers.map((server) => `      - address: ${quoted(server)}\n`).join('')}    # Servers that fail this get no requests:
    # healthCheck: { path: /healthz, interval: 5s }

# A load balancer or CDN in front, whose word on the client is taken:
# trustedProxies: [10.0.0.0/8]

# For \`sevenfold health\`, metrics, and changes while it runs:
# admin: { address: 127.0.0.1:9901 }
`;
}

const plainListener = (listen: string): string => `  - address: ${quoted(listen)}
    # With TLS, on :443:
    # protocol: https
    # tls: { certificates: [{ cert: shop.pem, key: shop.key }] }
`;

function secureListener(listen: string, { cert, key }: NonNullable<FirstConfig['tls']>): string {
  const redirect = `  # Clients that come without TLS are led to it.
  - address: ":80"
    redirectToHttps: 443
`;
  return `  - address: ${quoted(listen)}
    protocol: https
    tls:
      certificates:
        # Read again when they change, without a reload.
        - { cert: ${quoted(cert)}, key: ${quoted(key)} }
${listen === ':443' ? redirect : ''}`;
}

/** YAML takes strings of JSON. */
const quoted = (text: string): string => JSON.stringify(text);
