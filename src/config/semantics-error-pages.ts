// What no schema can say of error pages: statuses that are errors, one source, a file that can be read and is small enough.

import type { DocumentPath } from '../base/document-path.js';
import { ERROR_PAGE_BYTES_MAX } from '../routing/error-pages.js';
import { sizeText } from './schema/build.js';
import type { ParsedConfig } from './schema.js';
import { checkPageFile, type Scope } from './scope.js';

/** Reports what is wrong with error pages, of all or of a rule. `at` is the place of their list. */
export function checkErrorPages(pages: ParsedConfig['errorPages'], at: DocumentPath, scope: Scope): void {
  for (const [index, { statuses, body, file }] of (pages ?? []).entries()) {
    const here = [...at, index];
    for (const [i, { from }] of statuses.entries()) {
      if (from >= 400) continue;
      scope.report([...here, 'statuses', i], `${from} is no error.`, 'Expected statuses from 400 to 599.');
    }
    if (body !== undefined && file !== undefined) {
      scope.report([...here, 'file'], 'An error page has both a body and a file.', 'Expected one of them.');
    }
    if (body !== undefined && Buffer.byteLength(body) > ERROR_PAGE_BYTES_MAX) {
      scope.report([...here, 'body'], `The page has ${Buffer.byteLength(body)} bytes.`, AT_MOST);
    }
    if (file !== undefined) checkFile(file, [...here, 'file'], scope);
  }
}

const AT_MOST = `Expected at most ${sizeText(ERROR_PAGE_BYTES_MAX)}.`;

function checkFile(file: string, at: DocumentPath, scope: Scope): void {
  const page = checkPageFile(file, at, scope);
  if (page === null || page.length <= ERROR_PAGE_BYTES_MAX) return;
  scope.report(at, `The file '${file}' has ${page.length} bytes.`, AT_MOST);
}
