// Reads YAML with the place of every part.
// Owns the wording of YAML's syntax errors. Leaves the meaning of the document to load.ts.

import {
  isAlias,
  isMap,
  isNode,
  isScalar,
  isSeq,
  parseDocument,
  visit,
  type YAMLError,
  type Document as YamlDocument,
} from 'yaml';
import type { Path } from './problems.js';
import { type Document, type Mistake, type Offsets, Source } from './source.js';

/** Reads one YAML 1.2 document; anchors, aliases and merge keys work. */
export function readYaml(file: string, text: string): Document {
  const document = parseDocument(text, { merge: true, prettyErrors: false, uniqueKeys: true });
  const source = new Source(file, text, new YamlOffsets(document));
  const mistakes = syntaxMistakes(document, text);
  if (mistakes.length > 0) return { value: undefined, source, mistakes };
  try {
    return { value: document.toJS({ maxAliasCount: ALIASES_MAX }), source, mistakes };
  } catch {
    // Unknown anchors and too many aliases show only when the values are built.
    return { value: undefined, source, mistakes: aliasMistakes(document) };
  }
}

/** Aliases of aliases could make a small file fill the memory. */
const ALIASES_MAX = 1000;

/** Every mistake of syntax, in the order of the text; of several at one place the first, which caused the others. */
function syntaxMistakes(document: YamlDocument, text: string): Mistake[] {
  const mistakes = document.errors.map((error) => mistakeOf(error, text));
  const places = new Set<number>();
  return mistakes.filter(({ offset }) => {
    if (places.has(offset)) return false;
    places.add(offset);
    return true;
  });
}

function aliasMistakes(document: YamlDocument): Mistake[] {
  const mistakes: Mistake[] = [];
  visit(document, {
    Alias(_key, alias) {
      if (alias.resolve(document) !== undefined) return;
      const found = `There is no anchor '&${alias.source}' before this alias.`;
      mistakes.push({ offset: startOf(alias), path: [], found, expected: 'Expected an anchor further up.' });
    },
  });
  if (mistakes.length > 0) return mistakes;
  const found = `The aliases repeat more than ${ALIASES_MAX} parts.`;
  return [{ offset: 0, path: [], found, expected: 'Expected fewer aliases.' }];
}

/** What the parser's error codes mean, where its own words do not help somebody who did not write the parser. */
const WORDING: Readonly<Record<string, readonly [found: string, expected: string]>> = {
  TAB_AS_INDENT: ['A tab stands where spaces indent.', 'Expected spaces only: YAML forbids tabs for indentation.'],
  MULTIPLE_DOCS: ['A second document begins here.', 'Expected one document per file.'],
  BAD_INDENT: ['A list or map in brackets ends, or is indented wrongly, before here.', 'Expected its closing bracket.'],
  MULTILINE_IMPLICIT_KEY: [
    'A key has no colon.',
    "Expected 'key: value', or 'key:' and a map or list on the next lines.",
  ],
  MISSING_CHAR: ['Something is missing before here.', 'Expected a closing quote, a comma, or - before a list item.'],
};

function mistakeOf({ code, message, pos }: YAMLError, text: string): Mistake {
  const offset = Math.min(pos[0], Math.max(0, text.length - 1));
  if (code === 'DUPLICATE_KEY') {
    const key = /^(?:"[^"]*"|'[^']*'|[^\s:,{}[\]]+)/.exec(text.slice(offset))?.[0] ?? '';
    const found = `The key '${key.replaceAll(/^['"]|['"]$/g, '')}' stands twice in one map.`;
    return { offset, path: [], found, expected: 'Remove or rename one of them.' };
  }
  const [found, expected] = WORDING[code] ?? [`Not valid YAML: ${message.replace(/[\s.:]+$/, '')}.`, ''];
  return { offset, path: [], found, expected };
}

/** Walks the nodes of a YAML document. A lookup costs one step per part of the path, and the length of the maps on it. */
class YamlOffsets implements Offsets {
  readonly #document: YamlDocument;

  constructor(document: YamlDocument) {
    this.#document = document;
  }

  valueAt(path: Path): number {
    return startOf(this.#nodeAt(path)?.node);
  }

  keyAt(path: Path): number {
    const found = this.#nodeAt(path);
    return found === undefined ? -1 : startOf(found.key ?? found.node);
  }

  #nodeAt(path: Path): { key: unknown; node: unknown } | undefined {
    let key: unknown = null;
    let node: unknown = this.#document.contents;
    for (const step of path) {
      if (isAlias(node)) node = node.resolve(this.#document);
      if (isSeq(node)) {
        key = null;
        node = node.items[Number(step)];
      } else if (isMap(node)) {
        const pair = node.items.find(({ key }) => (isScalar(key) ? String(key.value) : key) === String(step));
        if (pair === undefined) return undefined;
        key = pair.key;
        node = pair.value ?? pair.key;
      } else {
        return undefined;
      }
      if (node === undefined) return undefined;
    }
    return { key, node };
  }
}

function startOf(node: unknown): number {
  return isNode(node) && node.range ? node.range[0] : -1;
}
