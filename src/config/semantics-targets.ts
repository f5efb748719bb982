// What no schema can say of the parts that routes and TLS routes share: host names, and the pools they lead to.

import type { DocumentPath } from '../base/document-path.js';
import { isHostPattern } from '../base/host-names.js';
import { checkPoolName, type Scope } from './scope.js';

/** Reports host names that are none, or stand twice in their list. `others` says how all hosts are meant. */
export function checkHostnames(hostnames: readonly string[], at: DocumentPath, scope: Scope, others: string): void {
  const seen = new Set<string>();
  for (const [index, hostname] of hostnames.entries()) {
    const path = [...at, 'hostnames', index];
    const expected = 'Expected a host name such as shop.example.com or *.example.com.';
    if (seen.has(hostname.toLowerCase())) {
      scope.report(path, `'${hostname}' stands twice in this list.`, 'Expected each host name once.');
    }
    seen.add(hostname.toLowerCase());
    if (isHostPattern(hostname)) continue;
    const advice = hostname === '*' ? others : hostnameAdvice(hostname);
    scope.report(path, `'${hostname}' is not a host name.`, expected + advice);
  }
}

function hostnameAdvice(hostname: string): string {
  if (/^https?:\/\//.test(hostname)) return ' Write it without a scheme.';
  if (/^[\w.*-]+:\d+$/.test(hostname)) return ' Write it without a port: ports do not matter.';
  if (hostname.includes('*')) return ' A wildcard is the whole first label: *.example.com.';
  if (/^[^/]+\/.*$/.test(hostname)) return ' A path belongs into the matches of a rule.';
  return '';
}

/** What leads somewhere: a rule, or a TLS route. */
interface Leading {
  readonly pool?: string | undefined;
  readonly backendRefs?: readonly { readonly pool: string; readonly weight: number }[] | undefined;
}

/** Reports pools that do not exist, or stand twice. `noun` says what names them. */
export function checkBackendRefs({ pool, backendRefs }: Leading, noun: string, at: DocumentPath, scope: Scope): void {
  if (pool !== undefined) checkPoolName(pool, [...at, 'pool'], scope);
  const seen = new Map<string, number>();
  for (const [index, reference] of (backendRefs ?? []).entries()) {
    checkPoolName(reference.pool, [...at, 'backendRefs', index, 'pool'], scope);
    const first = seen.get(reference.pool);
    if (first !== undefined) {
      scope.report(
        [...at, 'backendRefs', index, 'pool'],
        `backendRefs[${first}] names the pool '${reference.pool}' already.`,
        'Expected each pool once. Add the weights.',
      );
    }
    seen.set(reference.pool, index);
  }
  if (pool !== undefined && backendRefs !== undefined) {
    scope.report(
      [...at, 'pool'],
      `A ${noun} has both 'pool' and 'backendRefs'.`,
      'Expected one of them: pool is short for one backendRef.',
    );
  }
}

/** Reports a TLS route that leads to no pool. A rule may: its requests get 500. */
export function checkSomeWeight({ backendRefs }: Leading, at: DocumentPath, scope: Scope): void {
  if (backendRefs?.every(({ weight }) => weight === 0)) {
    scope.report([...at, 'backendRefs'], 'Every weight is 0.', 'Expected at least one weight over 0.');
  }
}
