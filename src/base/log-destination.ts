// Where the lines of an access log go, as the configuration says it and the log thread opens it.

export type LogDestination =
  | { readonly type: 'stdout' }
  /** An absolute name. */
  | { readonly type: 'file'; readonly file: string; readonly mode: number }
  | {
      readonly type: 'syslog';
      /** As it was configured, for messages. */
      readonly address: string;
      /** The path of a unix socket with port -1, or an IP address and a port. */
      readonly host: string;
      readonly port: number;
      /** RFC 5424, 6.2.1: facility * 8 + severity. */
      readonly priority: number;
      readonly appName: string;
    };
