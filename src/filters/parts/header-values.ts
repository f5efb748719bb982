// Header values that filters write: their schema, the checks of their names, and their plans, cut at variables.

import { assert } from '../../base/assert.js';
import type { DocumentPath } from '../../base/document-path.js';
import { checkForeignVariables } from '../../config/foreign-variables.js';
import { list, map, option, text } from '../../config/schema/build.js';
import { fieldName } from '../../config/schema/field-name.js';
import type { Scope } from '../../config/scope.js';
import { CONNECTION_NAMES, isIdentity } from '../../http/fields.js';
import { type HeaderValuePlan, VARIABLES, type Variable } from '../../routing/plan.js';

/** Line breaks and NUL would end the field and start another one. */
const fieldValue = () =>
  text('a header value', 'Expected a text in one line.', (value) => !/[\0\r\n]/.test(value), undefined, VARIABLES);

const headerValue = map('a header', {
  name: option(fieldName(), 'The name of the header.'),
  value: option(
    fieldValue(),
    `Its value. These are filled in for each request: ${VARIABLES.map((name) => `\`\${${name}}\``).join(', ')}; other names at load, from the environment. \`$\${\` stands for \`\${\`.`,
  ),
});

/** A list of headers. */
export const headerValues = () => list('a list of headers', headerValue);

/** A header as it is configured. */
export interface HeaderValueConfig {
  readonly name: string;
  readonly value: string;
}

/** Warns of values that hold variables of other proxies. */
export function checkHeaderValues(headers: readonly HeaderValueConfig[], at: DocumentPath, scope: Scope): void {
  for (const [index, { value }] of headers.entries()) checkForeignVariables(value, [...at, index, 'value'], scope);
}

/** Reports the name of a field that the proxy alone writes, in requests or in responses. */
export function checkFieldName(name: string, path: DocumentPath, isRequest: boolean, scope: Scope): void {
  const key = name.toLowerCase();
  if (CONNECTION_NAMES.includes(key)) {
    scope.report(
      path,
      `'${name}' cannot be changed.`,
      'It says where a message ends or what becomes of the connection, which the proxy decides.',
    );
  } else if (isRequest && isIdentity(key)) {
    scope.report(
      path,
      `'${name}' cannot be changed.`,
      `The proxy alone says who a client is. Fill a header of another name with $\{clientCertificateSubject} and its kind.`,
    );
  } else if (isRequest && key === 'host') {
    scope.report(path, "'Host' cannot be changed here.", "Expected a URLRewrite filter with 'hostname'.");
  }
}

export function planHeaders(headers: readonly HeaderValueConfig[]): readonly HeaderValuePlan[] {
  return headers.map(({ name, value }) => ({ name, parts: planValue(value) }));
}

/** Cuts a value at its variables. */
function planValue(value: string): HeaderValuePlan['parts'] {
  const parts: (string | { variable: Variable })[] = [];
  let text = '';
  for (let i = 0; i < value.length; ) {
    if (value.startsWith('$${', i)) {
      text += '${';
      i += 3;
    } else if (value.startsWith('${', i)) {
      const end = value.indexOf('}', i);
      const variable = VARIABLES.find((known) => known === value.slice(i + 2, end));
      assert(variable !== undefined, 'a header value names variables that exist');
      if (text !== '') parts.push(text);
      text = '';
      parts.push({ variable });
      i = end + 1;
    } else text += value[i++];
  }
  if (text !== '' || parts.length === 0) parts.push(text);
  return parts;
}
