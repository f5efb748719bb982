// Ways into a document, such as a configuration, and where its parts stand in a file.

/** A way into a document: keys of maps and indexes of lists, outermost first. */
export type DocumentPath = readonly (string | number)[];

/** A place in a file. Line and column count from 1; both are 0 in a document that was computed, not read. */
export interface Place {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

/** Where a path of the document stands in its file; undefined when the document has no file. */
export type PlaceOf = (path: DocumentPath) => Place | undefined;

/** `['routes', 0, 'rules']` as `routes[0].rules`; a key that is not a plain word is quoted in brackets. */
export function formatPath(path: DocumentPath): string {
  let text = '';
  for (const step of path) {
    if (typeof step === 'number') text += `[${step}]`;
    else if (/^[A-Za-z_][\w-]*$/.test(step)) text += text === '' ? step : `.${step}`;
    else text += `[${JSON.stringify(step)}]`;
  }
  return text;
}
