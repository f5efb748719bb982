// Reads YAML with the place of every part.
// Owns the wording of YAML's syntax errors. Leaves the meaning of the document to load.ts.

import {
  isAlias,
  isMap,
  isNode,
  isScalar,
  isSeq,
  parseDocument,
  type YAMLError,
  type Document as YamlDocument,
} from 'yaml';
import type { Path } from './problems.js';
import { type Document, type Mistake, type Offsets, Source } from './source.js';

/** Reads one YAML 1.2 document; anchors, aliases and merge keys work. */
export function readYaml(file: string, text: string): Document {
  const document = parseDocument(text, { merge: true, prettyErrors: false, uniqueKeys: true, logLevel: 'silent' });
  const source = new Source(file, text, new YamlOffsets(document));
  const mistakes = document.errors.map((error) => mistakeOf(error, text));
  if (mistakes.length > 0) return { value: undefined, source, mistakes };
  try {
    return { value: document.toJS({ maxAliasCount: 1000 }), source, mistakes };
  } catch (error) {
    // Unknown aliases and alias bombs show only when values are built.
    const found = `${(error instanceof Error ? error.message : String(error)).split('\n', 1)[0]}.`;
    return { value: undefined, source, mistakes: [{ offset: 0, path: [], found, expected: '' }] };
  }
}

function mistakeOf(error: YAMLError, text: string): Mistake {
  const offset = Math.min(error.pos[0], Math.max(0, text.length - 1));
  if (error.code === 'DUPLICATE_KEY') {
    const key = /^[^\s:,{}[\]]+/.exec(text.slice(offset))?.[0] ?? '';
    return {
      offset,
      path: [],
      found: `The key '${key.replace(/^['"]|['"]$/g, '')}' stands twice in one map.`,
      expected: 'Remove or rename one of them.',
    };
  }
  if (error.code === 'TAB_AS_INDENT') {
    return {
      offset,
      path: [],
      found: 'A tab stands where spaces indent.',
      expected: 'Expected spaces only: YAML forbids tabs for indentation.',
    };
  }
  if (error.code === 'MULTIPLE_DOCS') {
    return { offset, path: [], found: 'A second document begins here.', expected: 'Expected one document per file.' };
  }
  const sentence = error.message.replace(/\s+$/, '').replace(/[.:]*$/, '');
  return { offset, path: [], found: `Not valid YAML: ${sentence}.`, expected: '' };
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
