// `sevenfold test`: runs the route expectations of a configuration.
// Owns comparing and the report. Leaves deciding to the router, and the expectations to the configuration.

import type { Command } from 'commander';
import type { TestConfig } from '../config/config.js';
import { loadRoutes } from '../config/routes.js';
import { connectionAsked } from '../config/schema/tests.js';
import { type ConnectionTarget, connectionTargets, connectionTargetText } from '../explain/connection-lines.js';
import { describeListener } from '../explain/listener-action.js';
import { describePlace } from '../explain/route-lines.js';
import { type Decision, Router } from '../explain/router.js';
import { counted, type Outcome, outcome, paint, printReport } from './terminal.js';

interface TestOptions {
  readonly config: string;
  readonly json?: boolean;
}

export function register(program: Command): void {
  program
    .command('test')
    .description("check the configuration's own expectations of where requests go")
    .requiredOption('-c, --config <file>', 'configuration file')
    .option('--json', 'print the results as JSON')
    .action((options: TestOptions) => printReport(() => test(options)));
}

/** Exit code 0 when all expectations hold, 1 when one does not, 2 when there is none. */
export async function test({ config: file, json }: TestOptions): Promise<Outcome> {
  const loaded = await loadRoutes(file);
  const router = new Router(loaded);
  const { tests } = loaded.config;
  if (tests.length === 0) {
    return outcome(
      2,
      '',
      `${file} has no tests. Add some: tests: [{ request: GET http://HOST/PATH, expect: { pool: NAME } }].\n`,
    );
  }
  const results = tests.map((expectation, index) => {
    const place = describePlace(loaded.source.placeOf(['tests', index]));
    const asked = connectionAsked(expectation.request);
    const result =
      asked === undefined
        ? ofDecision(expectation, router.match(requestOf(expectation)))
        : ofConnection(expectation, connectionTargets(loaded, asked.serverName, asked.port));
    return { request: expectation.request, place, ...result };
  });
  const failed = results.filter(({ failures }) => failures.length > 0).length;
  const code = failed === 0 ? 0 : 1;
  if (json) {
    const list = results.map(({ request, place, failures, found }) => ({
      request,
      place,
      passed: failures.length === 0,
      failures,
      ...found,
    }));
    return outcome(code, `${JSON.stringify(list, null, 2)}\n`);
  }
  const lines = results.flatMap(({ request, place, failures, reasons }) => {
    if (failures.length === 0) return [`${paint('green', 'ok')}    ${request}`];
    return [
      `${paint('red', 'FAIL')}  ${request}  (${place})`,
      ...[...failures, ...reasons].map((line) => `      ${line}`),
      '',
    ];
  });
  const verdict = failed === 0 ? 'All hold.' : `${failed} of them ${failed === 1 ? 'does' : 'do'} not hold.`;
  return outcome(code, `${lines.join('\n')}\n${counted(tests.length, 'expectation')}. ${verdict}\n`);
}

/** What came of one expectation. */
interface Result {
  /** What was expected and did not come out, each as a sentence; empty when all holds. */
  readonly failures: readonly string[];
  /** Why it came out so, in lines. */
  readonly reasons: readonly string[];
  /** What came out, as data. */
  readonly found: object;
}

function ofDecision(expectation: TestConfig, decision: Decision): Result {
  const { rule, pools, status, elsewhere } = decision;
  const failures = failuresOf(expectation, decision);
  const others = elsewhere.flatMap((other) => {
    const where = other.listener === undefined ? '' : ` at listener ${describeListener(other.listener)}`;
    return failuresOf(expectation, other.decision).map((failure) => `${failure}${where}`);
  });
  return { failures: [...failures, ...others], reasons: reasonLines(decision), found: { rule, pools, status } };
}

/** The expectation of a raw connection: every listener that it can mean has to lead it to the pool. */
function ofConnection({ expect: { pool } }: TestConfig, targets: readonly ConnectionTarget[]): Result {
  const isWrong = ({ line }: ConnectionTarget) => pool === undefined || !line?.pools.includes(pool);
  const wrong = targets.filter(isWrong);
  const failures = wrong.map(
    ({ listener, line }) => `expected pool ${pool}, found ${line?.target ?? 'a refusal'} at listener ${listener}`,
  );
  if (targets.length === 0)
    failures.push(`expected pool ${pool}, found no listener that leads such connections by name`);
  return { failures, reasons: wrong.map(connectionTargetText), found: { listeners: targets } };
}

/** The winner with its conditions, and the two rules that came nearest; or why no rule was asked. */
function reasonLines(decision: Decision): string[] {
  const text = decision.text().trimEnd();
  if (decision.explain() === undefined) return text.split('\n');
  const [request = '', ...blocks] = text.split('\n\n');
  const notes = request.split('\n').slice(1);
  return [...notes, ...blocks.slice(0, 3).flatMap((block) => block.split('\n'))];
}

function requestOf({
  request,
  headers,
  client,
  listener,
  serverName,
  tlsVersion,
  tlsCipher,
  clientCertificate,
}: TestConfig) {
  const space = request.indexOf(' ');
  return {
    method: request.slice(0, space),
    url: request.slice(space + 1),
    ...(headers === undefined ? {} : { headers }),
    ...(client === undefined ? {} : { clientAddress: client }),
    ...(listener === undefined ? {} : { listener }),
    ...(serverName === undefined ? {} : { serverName }),
    ...(tlsVersion === undefined ? {} : { tlsVersion }),
    ...(tlsCipher === undefined ? {} : { tlsCipher }),
    ...(clientCertificate === undefined ? {} : { clientCertificate }),
  };
}

/** What was expected and did not come out, each as a sentence. */
function failuresOf({ expect }: TestConfig, decision: Decision): string[] {
  const failures: string[] = [];
  if (expect.pool !== undefined && !decision.pools.some(({ pool }) => pool === expect.pool)) {
    failures.push(`expected pool ${expect.pool}, found ${describeOneDestination(decision)}`);
  }
  if (expect.rule !== undefined && decision.rule !== expect.rule) {
    failures.push(`expected rule ${expect.rule}, found ${decision.rule ?? 'no rule'}`);
  }
  if (expect.status !== undefined && decision.status !== expect.status) {
    failures.push(`expected status ${expect.status}, found ${describeOneDestination(decision)}`);
  }
  return failures;
}

/** Where a decision leads: `pool api`, `pool api 90 %, pool next 10 %`, `status 404`, or what a listener does instead. */
export function describeDestination({
  elsewhere,
  ...decision
}: Pick<Decision, 'pools' | 'status' | 'actions' | 'elsewhere'>): string {
  const others = elsewhere.map((other) => {
    const where = other.listener === undefined ? 'elsewhere' : `at ${describeListener(other.listener)}`;
    return `, ${where} ${describeOneDestination(other.decision)}`;
  });
  return `${describeOneDestination(decision)}${others.join('')}`;
}

function describeOneDestination({ pools, status, actions }: Pick<Decision, 'pools' | 'status' | 'actions'>): string {
  if (status !== undefined) return `status ${status}`;
  if (pools.length === 0) return actions.join(', ');
  if (pools.length === 1) return `pool ${pools[0]!.pool}`;
  return pools.map(({ pool, share }) => `pool ${pool} ${Number((share * 100).toFixed(2))} %`).join(', ');
}
