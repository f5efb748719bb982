// ForwardAuth, as workers run it: each request waits for the word of another server, and is refused where none comes.

import { addressText } from '../../base/addresses.js';
import type { SocketEndpoint } from '../../base/endpoint.js';
import type { AnyExchange } from '../../exchange/client-info.js';
import { type Filter, type FilterRun, type FilterTools, VERDICT } from '../../exchange/filter.js';
import { FieldDrop } from '../../exchange/head-edit.js';
import { FIELD } from '../../http/head.js';
import { METHOD_NAMES } from '../../http/methods.js';
import { IdentityFields } from '../run-parts/identity-fields.js';
import { type Answer, ask, isFull } from './ask.js';
import type { Plan } from './plan.js';

/** What a request waits beyond the time of its question. */
const SLACK_MS = 1000;
/** Servers that are asked one after the other, where one cannot be reached. */
const SERVERS_TRIED_MAX = 2;

/** Fields of a refusal that are not for the client: they belong to the connection it came by, or are written here. */
const NOT_PASSED =
  /^(connection|keep-alive|proxy-.*|te|trailer|transfer-encoding|upgrade|content-length|date|x-request-id|strict-transport-security)$/i;

const NOTHING = new FieldDrop([], false);

/** Each filter has to let the request pass, those of the outer layers first. */
export const forwardAuth = {
  type: 'ForwardAuth',
  namesPools: true,
  make(layers, { tools, serversOf }): Filter {
    const plans = layers.flat();
    const identity = new IdentityFields(plans.flatMap(({ responseHeaders }) => responseHeaders));
    /** Lines that set cookies at clients. */
    const cookies = new WeakMap<AnyExchange, string>();
    let turn = 0;

    /** Servers that may be asked, each time another one first. */
    const inTurn = (pool: number): SocketEndpoint[] => {
      const servers = serversOf(pool);
      turn = (turn + 1) % Math.max(1, servers.length);
      return [...servers.slice(turn), ...servers.slice(0, turn)].slice(0, SERVERS_TRIED_MAX);
    };

    const { routed, attemptHead, requestBody } = identity.phases;
    return {
      attemptHead,
      requestBody,
      routed: (x) => {
        routed(x);
        cookies.delete(x);
      },
      requestHead: (x) => {
        if (isFull()) {
          tools.fail(x, 'OVERLOADED');
          return VERDICT.ANSWERED;
        }
        const questions = plans.map((plan) => ({ plan, headers: headersFor(tools, x, plan.requestHeaders) }));
        const waitMs = plans.reduce((sum, { timeoutMs }) => sum + timeoutMs, SLACK_MS);
        return tools.wait(x, waitMs, (wait) => {
          const left = new AbortController();
          const decide = async (): Promise<void> => {
            const fields: [name: string, value: string][] = [];
            let lines = '';
            for (const { plan, headers } of questions) {
              const signal = AbortSignal.any([left.signal, AbortSignal.timeout(plan.timeoutMs)]);
              const answer = await ask(inTurn(plan.pool), plan.path, headers, plan.answerBytesMax, signal);
              if (!plan.passStatuses.includes(answer.status)) {
                refuse(answer);
                return;
              }
              fields.push(...wanted(answer, plan.responseHeaders));
              lines += cookieLines(answer, plan.cookies);
            }
            if (left.signal.aborted) return;
            identity.setBytes(x, fields);
            if (lines !== '') cookies.set(x, lines);
            wait.proceed();
          };
          const refuse = (answer: Answer): void => {
            // An error of the server, or a status by which it lets requests pass elsewhere, is no refusal that a client understands.
            if (answer.status < 300 || answer.status >= 500) {
              tools.count('ForwardAuth.failed');
              wait.fail('AUTH_SERVER_FAILED');
              return;
            }
            tools.count('ForwardAuth.refused');
            const lines = answer.fields.filter(([name]) => !NOT_PASSED.test(name));
            wait.reply({
              status: answer.status,
              fields: lines.map(([name, value]) => `${name}: ${value}\r\n`).join(''),
              body: answer.body,
            });
          };
          decide().catch(() => {
            if (left.signal.aborted) return;
            tools.count('ForwardAuth.failed');
            wait.fail('AUTH_SERVER_FAILED');
          });
          return () => left.abort();
        });
      },
      responseHead: (x, edit) => {
        const lines = cookies.get(x);
        if (lines !== undefined) edit.change(NOTHING, lines);
      },
    };
  },
} satisfies FilterRun<Plan>;

/** The fields of a question, names and values in turn: those of the client that go along, and what is said of its request. */
function headersFor(tools: FilterTools, x: AnyExchange, names: readonly string[]): string[] {
  const { memory } = tools;
  const head = tools.requestHead(x);
  const text = (at: number, bytes: number): string => Buffer.from(memory.buffer, at, bytes).toString('latin1');
  const headers: string[] = [];
  for (const name of names) {
    const bytes = Buffer.from(name.toLowerCase(), 'latin1');
    let field = head.nextNamed(memory, 0, bytes);
    for (; field >= 0; field = head.nextNamed(memory, field + FIELD.WORDS, bytes))
      headers.push(name, text(head.valueAt(field), head.valueBytes(field)));
  }
  headers.push(
    'X-Forwarded-Method',
    METHOD_NAMES[x.method]!,
    'X-Forwarded-Proto',
    tools.scheme(x),
    'X-Forwarded-Host',
    text(x.hostAt, x.hostBytes),
    'X-Forwarded-Uri',
    text(x.targetAt, x.targetBytes),
    'X-Forwarded-For',
    addressText(x.clientAddress, x.clientAddressAt, x.clientAddressBytes) || 'unknown',
  );
  return headers;
}

/** The fields of an answer that go on to the server. */
function wanted({ fields }: Answer, names: readonly string[]): [name: string, value: string][] {
  return names.flatMap((name) =>
    fields
      .filter(([own]) => own.toLowerCase() === name.toLowerCase())
      .map(([, value]): [string, string] => [name, value]),
  );
}

/** Lines for the cookies of an answer that go to the client. */
function cookieLines({ fields }: Answer, names: readonly string[]): string {
  return fields
    .filter(
      ([name, value]) => name.toLowerCase() === 'set-cookie' && names.includes(value.slice(0, value.indexOf('='))),
    )
    .map(([, value]) => `Set-Cookie: ${value}\r\n`)
    .join('');
}
