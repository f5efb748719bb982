// What happens to the process, as data: what its log, its metrics and whatever else looks on are made of.
// Owns the events and what each carries. Leaves wording them to src/cli/events, and what happens to requests to observers.

import type { Problem } from '../base/problems.js';

/** One thing that happened. The part of `type` before the dot is its area. Plain data, fit for JSON. */
export type ProcessEvent =
  | ServiceEvent
  | ConfigEvent
  | ListenerEvent
  | WorkerEvent
  | ServerEvent
  | DiscoveryEvent
  | TlsEvent
  | ReloadEvent
  | OperatorEvent
  | DrainEvent
  | AccessLogEvent;

/** Takes events as they happen. Must not throw. */
export type EventSink = (event: ProcessEvent) => void;

/** The event of one type. */
export type EventOf<Type extends ProcessEvent['type']> = Extract<ProcessEvent, { readonly type: Type }>;

type ServiceEvent =
  /** Listeners are open and workers run. */
  | { readonly type: 'service.ready' }
  /** It was ended before it was ready. */
  | { readonly type: 'service.ended-early' }
  /** It cannot start, or cannot go on. */
  | { readonly type: 'service.failed'; readonly reason: string }
  /** The service manager, which waits for notifications, did not get one. */
  | { readonly type: 'service.unnotified'; readonly reason: string };

type ConfigEvent =
  /** A mistake in the configuration. */
  | (Problem & { readonly type: 'config.problem' })
  /** What is allowed in it but probably not meant. */
  | (Problem & { readonly type: 'config.warning' });

export type ListenerEvent =
  | {
      readonly type: 'listener.opened';
      readonly address: string;
      readonly protocol: string;
      /** `IPv6 only` or `IPv6 and IPv4` where that is a choice, else empty. */
      readonly families: string;
      /** As the service started; false with a reload. */
      readonly atStart: boolean;
    }
  /** With a reload. In a drain all are closed, without an event of each. */
  | { readonly type: 'listener.closed'; readonly address: string }
  /** A socket that the service manager handed over is at no listener's address. */
  | { readonly type: 'listener.unused'; readonly name: string; readonly address: string };

type WorkerEvent =
  | { readonly type: 'worker.ready'; readonly worker: number; readonly accept: 'handoff' | 'shared' }
  | { readonly type: 'worker.died'; readonly worker: number; readonly reason: string }
  /** It runs again after it died. */
  | { readonly type: 'worker.restarted'; readonly worker: number };

/** A server of a pool, by the name it has there. */
interface OfServer {
  readonly pool: string;
  readonly server: string;
}

/** What decided that a server is up or down: what the check sent, and what it found. */
interface Checked extends OfServer {
  readonly sent: string;
  readonly found: string;
}

type ServerEvent =
  /** It passed its health checks after it was down. */
  | (Checked & { readonly type: 'server.up' })
  /** It failed its health checks. */
  | (Checked & { readonly type: 'server.down' })
  /** Outlier detection took it out of use. */
  | (OfServer & { readonly type: 'server.ejected'; readonly ejectedMs: number })
  /** It passed this many health checks in a row while it was ejected, and is in use again. */
  | (OfServer & { readonly type: 'server.returned'; readonly checksPassed: number })
  /** It fails as often as would eject it, but the pool may eject no more. */
  | (OfServer & { readonly type: 'server.failing' })
  /** It answers after it was failing. */
  | (OfServer & { readonly type: 'server.answering' });

type DiscoveryEvent =
  /** A name does not resolve; the addresses it had last stay in use. */
  | {
      readonly type: 'discovery.stale';
      readonly pool: string;
      readonly address: string;
      /** `ENOTFOUND`, `ETIMEOUT`, … */
      readonly code: string;
      readonly addressesKept: number;
    }
  /** It resolves again. */
  | { readonly type: 'discovery.fresh'; readonly pool: string; readonly address: string }
  /** Names lead to servers that cannot be taken up. */
  | { readonly type: 'discovery.refused'; readonly reason: string };

/** Certificates, keys, authorities and OCSP responses. `user` is the listener or pool: `Listener :443`, `Pool api`. */
type TlsEvent =
  /** Files have changed and are in use. `certificates` are those that are new. */
  | {
      readonly type: 'tls.renewed';
      readonly user: string;
      readonly certificates: readonly { readonly file: string; readonly endsMs: number }[];
    }
  /** Files have changed and cannot be used: what was read before is. */
  | { readonly type: 'tls.refused'; readonly user: string; readonly reason: string }
  /** Files are in use and should be looked at: a certificate expires soon, or nothing is stapled to it. */
  | { readonly type: 'tls.warning'; readonly user: string; readonly found: string; readonly expected: string }
  | { readonly type: 'tls.staple-ended'; readonly user: string; readonly ocsp: string; readonly certificate: string };

/** How many rules of each kind. */
interface RuleCounts {
  readonly added: number;
  readonly removed: number;
  readonly changed: number;
}

export type ReloadEvent =
  | {
      readonly type: 'reload.applied';
      /** What was read: the name of a file. */
      readonly source: string;
      readonly rules: RuleCounts;
      /** Paths of other settings that differ: `pools.api.servers`. */
      readonly settings: readonly string[];
      /** Files of pages that hold another text. */
      readonly pages: readonly string[];
      /** Something else differs, as in the answer of a rule. */
      readonly details: boolean;
    }
  /** A setting that a running process cannot take over. `why` says what depends on it. */
  | {
      readonly type: 'reload.not-taken';
      readonly setting: string;
      readonly value: number | string;
      readonly wanted: number | string;
      readonly why: string;
    }
  /** What ran before goes on. Mistakes in the configuration come as events of their own; `reason` is then undefined. */
  | { readonly type: 'reload.refused'; readonly source: string; readonly reason: string | undefined }
  /** There is no file to read again. */
  | { readonly type: 'reload.needless'; readonly source: string };

/** Something was changed, or asked for, over the admin API: the audit line. */
type OperatorEvent = {
  readonly type: 'operator.changed';
  /** Who, as far as that is known. */
  readonly by: string;
  /** `server api/10.0.0.1:80`. */
  readonly what: string;
  /** What it is now. */
  readonly says: string;
};

type DrainEvent =
  /** `leadMs`: how long new connections are still taken. */
  | { readonly type: 'drain.began'; readonly leadMs: number }
  | { readonly type: 'drain.ended'; readonly tookMs: number; readonly connectionsCut: number };

export type AccessLogEvent =
  /** A destination takes no lines: they are dropped and counted until it does. */
  | { readonly type: 'log.failed'; readonly destination: string; readonly reason: string }
  | { readonly type: 'log.recovered'; readonly destination: string; readonly dropped: number }
  /** The thread that writes access logs died; it is started again. */
  | { readonly type: 'log.died'; readonly reason: string }
  /** All files were opened anew, as SIGUSR1 asks for. */
  | { readonly type: 'log.reopened' };
