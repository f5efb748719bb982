// What no schema can say of access logs: one destination, a template where the format is one, routes that exist, and headers with
// credentials.

import type { DocumentPath } from '../base/document-path.js';
import { logHeaderOf } from '../base/log-variables.js';
import { didYouMean } from '../base/problems.js';
import type { ParsedConfig } from './schema.js';
import type { Scope } from './scope.js';
import { templateParts } from './template.js';

type Logs = NonNullable<ParsedConfig['accessLog']>;
type Log = Logs[number];

/** Logs of one listener: a record has a bit for each. */
const LOGS_MAX = 31;
/** Headers that the logs of one listener have by name. */
const HEADERS_MAX = 16;
/** A reader of one can act as its owner. */
const CREDENTIALS = ['authorization', 'cookie', 'proxy-authorization'];

/** The headers of a log, in lower case: those it lists, and those its template names. */
export function headersOf({ headers, template }: Log): { name: string; redact: boolean }[] {
  const listed = headers.map(({ name, redact }) => ({ name: name.toLowerCase(), redact }));
  const named = template === undefined ? [] : templateParts(template);
  const inTemplate = named.flatMap((part) => (typeof part === 'string' ? [] : (logHeaderOf(part.variable) ?? [])));
  return [...listed, ...inTemplate.map((name) => ({ name, redact: false }))];
}

/** Reports what is wrong with access logs, of all listeners or of one. `at` is the place of their list. */
export function checkAccessLogs(logs: Logs | undefined, at: DocumentPath, config: ParsedConfig, scope: Scope): void {
  for (const [index, log] of (logs ?? []).entries()) checkLog(log, [...at, index], config, scope);
  if ((logs?.length ?? 0) > LOGS_MAX)
    scope.report(at, `There are ${logs!.length} access logs.`, `Expected at most ${LOGS_MAX}.`);
  const headers = new Set((logs ?? []).flatMap((log) => headersOf(log).map(({ name }) => name)));
  if (headers.size > HEADERS_MAX)
    scope.report(at, `The logs have ${headers.size} headers.`, `Expected at most ${HEADERS_MAX} in all of them.`);
}

function checkLog(log: Log, at: DocumentPath, config: ParsedConfig, scope: Scope): void {
  const { format, template, query, headers, to, when } = log;
  if (format === 'template' && template === undefined)
    scope.report(at, 'The format is template, and there is none.', "Expected 'template'.");
  if (format !== 'template' && template !== undefined)
    scope.report([...at, 'template'], `The format is ${format}.`, 'Expected a template beside format: template alone.');
  if (format === 'template' && query !== undefined)
    scope.report([...at, 'query'], 'A template says itself whether it has the query.', "Remove 'query'.");
  if (format !== 'json' && headers.length > 0)
    scope.report([...at, 'headers'], `The format is ${format}.`, "Expected 'headers' beside format: json alone.");
  checkDestination(to, [...at, 'to'], scope);
  checkHeaders(log, at, scope);
  checkRoutes(when.routes ?? [], [...at, 'when', 'routes'], config, scope);
}

function checkDestination({ file, mode, stdout, syslog }: Log['to'], at: DocumentPath, scope: Scope): void {
  const given = [file !== undefined, stdout === true, syslog !== undefined].filter(Boolean).length;
  if (given !== 1)
    scope.report(
      at,
      given === 0 ? 'There is no destination.' : `There are ${given} destinations.`,
      'Expected one of file, stdout: true and syslog. Several need a log each.',
    );
  if (mode !== undefined && file === undefined) scope.report([...at, 'mode'], 'There is no file.', "Expected 'file'.");
}

function checkHeaders(log: Log, at: DocumentPath, scope: Scope): void {
  for (const [index, { name, redact }] of log.headers.entries()) {
    if (redact || !CREDENTIALS.includes(name.toLowerCase())) continue;
    scope.report([...at, 'headers', index], `'${name}' carries credentials.`, 'Expected redact: true beside it.');
  }
  if (log.template === undefined) return;
  for (const { name } of headersOf({ ...log, headers: [] })) {
    if (!CREDENTIALS.includes(name)) continue;
    scope.report([...at, 'template'], `'${name}' carries credentials.`, 'Expected a template without it.');
  }
}

function checkRoutes(names: readonly string[], at: DocumentPath, { routes = [] }: ParsedConfig, scope: Scope): void {
  if (scope.isBroken(['routes'])) return;
  const known = routes.flatMap(({ name, rules }) => [
    ...(name === undefined ? [] : [name]),
    ...rules.flatMap((rule) => rule.name ?? []),
  ]);
  for (const [index, name] of names.entries()) {
    if (known.includes(name)) continue;
    const expected = `Expected the name of a route or a rule.${didYouMean(name, known)}`;
    scope.report([...at, index], `There is no route or rule '${name}'.`, expected);
  }
}
