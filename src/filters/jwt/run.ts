// JWT, as workers run it: a token that is known passes at once, another one waits until it was verified.

import { cookie, nextCookie } from '../../base/cookies.js';
import { decodeComponent, findParameter, parameter } from '../../base/query.js';
import type { AnyExchange } from '../../exchange/client-info.js';
import { type Filter, type FilterRun, type FilterTools, type RefusalDetails, VERDICT } from '../../exchange/filter.js';
import { FIELD_ID } from '../../http/fields.js';
import { FIELD } from '../../http/head.js';
import type { ReasonCode } from '../../http/reasons.js';
import { IdentityFields } from '../run-parts/identity-fields.js';
import { singleField } from '../run-parts/single-field.js';
import { KeySet, KeysUnavailable } from './key-set.js';
import type { Plan, TokenSource } from './plan.js';
import { Tokens, type Verified } from './tokens.js';

/** How long a request waits for its token to be verified: longer than keys may be fetched. */
const WAIT_MS = 10_000;

/** Made once for each plan: rules share what was verified. */
const made = new WeakMap<Plan, Tokens>();
/** Made once for each URL: plans of a reload keep the keys. */
const keySets = new Map<string, KeySet>();
/** Configured URLs are few; those of old configurations are forgotten some time. */
const KEY_SETS_MAX = 100;

function tokensOf(plan: Plan): Tokens {
  let tokens = made.get(plan);
  if (tokens === undefined) {
    tokens = new Tokens(plan, keySetOf(plan));
    made.set(plan, tokens);
  }
  return tokens;
}

function keySetOf({ jwksUrl, keys }: Plan): KeySet {
  if (jwksUrl === '') return new KeySet('', keys);
  let keySet = keySets.get(jwksUrl);
  if (keySet === undefined) {
    keySet = new KeySet(jwksUrl, '');
    if (keySets.size >= KEY_SETS_MAX) keySets.clear();
    keySets.set(jwksUrl, keySet);
  }
  return keySet;
}

/** Each filter has to find a token that it takes, those of the outer layers first. */
export const jwt = {
  type: 'JWT',
  make(layers, { tools }): Filter {
    const all = layers.flat().map((plan) => ({ plan, tokens: tokensOf(plan), places: plan.from.map(placeOf) }));
    const gone = all.flatMap(({ plan: { claimHeaders, from, forwardToken } }) => [
      ...claimHeaders.map(({ header }) => header),
      ...(forwardToken ? [] : from.flatMap(({ by, name }) => (by === 'bearer' || by === 'header' ? [name] : []))),
    ]);
    const fields = new IdentityFields(gone);
    const fieldsOf = (verified: readonly Verified[]) => verified.flatMap((each) => each.fields);
    /** The refusal of the first filter whose claims are not all there; null when none lacks any. */
    const lacking = (verified: readonly Verified[]): Refusal | null => {
      const index = verified.findIndex(({ suffices }) => !suffices);
      return index < 0 ? null : { reason: 'CLAIM_MISSING', details: challenge(all[index]!.plan, 'insufficient_scope') };
    };

    return {
      ...fields.phases,
      requestHead: (x) => {
        const asked: { plan: Plan; tokens: Tokens; token: string }[] = [];
        for (const { plan, tokens, places } of all) {
          const token = tokenOf(tools, x, places);
          if (token === undefined) {
            tools.fail(x, 'UNAUTHENTICATED', challenge(plan, ''));
            return VERDICT.ANSWERED;
          }
          asked.push({ plan, tokens, token });
        }
        const known = asked.flatMap(({ tokens, token }) => tokens.known(token) ?? []);
        if (known.length === asked.length) {
          const refusal = lacking(known);
          if (refusal === null) {
            fields.set(x, fieldsOf(known));
            return VERDICT.CONTINUE;
          }
          tools.fail(x, refusal.reason, refusal.details);
          return VERDICT.ANSWERED;
        }
        return tools.wait(x, WAIT_MS, (wait) => {
          let isLeft = false;
          const verify = async ({ plan, tokens, token }: (typeof asked)[number]): Promise<Verified | Refusal> =>
            tokens.verify(token).catch((error: unknown) => refusalOf(error, plan));
          void Promise.all(asked.map(verify)).then((results) => {
            if (isLeft) return;
            const verified = results.flatMap((result) => ('reason' in result ? [] : [result]));
            const refusal = results.find((result) => 'reason' in result) ?? lacking(verified);
            if (refusal !== null) {
              wait.fail(refusal.reason, refusal.details);
              return;
            }
            fields.set(x, fieldsOf(verified));
            wait.proceed();
          });
          return () => {
            isLeft = true;
          };
        });
      },
    };
  },
} satisfies FilterRun<Plan>;

interface Refusal {
  readonly reason: ReasonCode;
  readonly details: RefusalDetails | undefined;
}

function refusalOf(error: unknown, plan: Plan): Refusal {
  if (error instanceof KeysUnavailable) return { reason: 'KEYS_UNAVAILABLE', details: undefined };
  return { reason: 'UNAUTHENTICATED', details: challenge(plan, 'invalid_token') };
}

/** The field that says what is wrong with a token; nothing is where there was none (RFC 6750, 3.1). */
function challenge({ realm }: Plan, error: string): RefusalDetails {
  const says = error === '' ? '' : `, error="${error}"`;
  return { fields: `WWW-Authenticate: Bearer realm="${realm}"${says}\r\n` };
}

interface TokenPlace extends Pick<TokenSource, 'by'> {
  readonly name: Uint8Array;
}

const placeOf = ({ by, name }: TokenSource): TokenPlace => ({ by, name: Buffer.from(name, 'latin1') });

/** The token in the first place that has one; undefined when none has. */
function tokenOf(tools: FilterTools, x: AnyExchange, places: readonly TokenPlace[]): string | undefined {
  for (const place of places) {
    const token = tokenAt(tools, x, place);
    if (token !== undefined && token !== '') return token;
  }
  return undefined;
}

function tokenAt(tools: FilterTools, x: AnyExchange, { by, name }: TokenPlace): string | undefined {
  switch (by) {
    case 'bearer':
      return /^bearer +(\S+) *$/i.exec(singleField(tools, x, name) ?? '')?.[1];
    case 'header':
      return singleField(tools, x, name);
    case 'cookie':
      return cookieOf(tools, x, name);
    case 'query':
      return parameterOf(tools, x, name);
  }
}

function cookieOf(tools: FilterTools, x: AnyExchange, name: Uint8Array): string | undefined {
  const { memory } = tools;
  const head = tools.requestHead(x);
  for (let field = head.next(FIELD_ID.COOKIE); field >= 0; field = head.next(FIELD_ID.COOKIE, field + FIELD.WORDS)) {
    const at = head.valueAt(field);
    if (nextCookie(memory, at, at + head.valueBytes(field), name))
      return Buffer.from(memory.buffer, cookie.valueAt, cookie.valueBytes).toString('latin1');
  }
  return undefined;
}

function parameterOf(
  { memory }: FilterTools,
  { queryAt, queryBytes }: AnyExchange,
  name: Uint8Array,
): string | undefined {
  if (!findParameter(memory, queryAt, queryAt + queryBytes, name)) return undefined;
  const { valueAt, valueBytes } = parameter;
  const decoded = Buffer.alloc(valueBytes);
  const length = decodeComponent(memory, valueAt, valueAt + valueBytes, decoded);
  return decoded.toString('latin1', 0, length);
}
