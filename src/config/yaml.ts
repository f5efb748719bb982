// Reads YAML 1.2 with the place of every part.
// Owns the wording of syntax errors, and the tree of places. Leaves the syntax itself to js-yaml's events.

import {
  type AliasEvent,
  CORE_SCHEMA,
  constructFromEvents,
  EVENT_ID,
  type Event,
  getScalarValue,
  type MappingEvent,
  mergeTag,
  parseEvents,
  SCALAR_STYLE,
  type ScalarEvent,
  type SequenceEvent,
  YAMLException,
} from 'js-yaml';
import { type Document, type Mistake, Source } from './source.js';
import { type Member, type Part, TreeOffsets } from './tree.js';

const schema = CORE_SCHEMA.withTags(mergeTag);

/** Reads one document; anchors, aliases and merge keys work. */
export function readYaml(file: string, text: string): Document {
  const fail = (mistakes: readonly Mistake[]): Document => ({
    value: undefined,
    source: new Source(file, text, null),
    mistakes,
  });
  try {
    const events = parseEvents(text, { filename: file });
    const tree = new Tree(events, text);
    if (tree.mistakes.length > 0) return fail(tree.mistakes);
    // The tree has told of every key that stands twice.
    const [value] = constructFromEvents(events, { source: text, schema, json: true });
    return { value, source: new Source(file, text, new TreeOffsets(tree.root)), mistakes: [] };
  } catch (error) {
    if (!(error instanceof YAMLException)) throw error;
    return fail([mistakeOf(error, text)]);
  }
}

/** Aliases of aliases could make a small file fill the memory: they may add this many parts. */
const ALIASED_PARTS_MAX = 1_000_000;

/** A part, and how many parts it has in all, aliases counted as what they stand for. */
interface Counted {
  readonly part: Part;
  readonly count: number;
}

const NOTHING: Part = { at: -1, members: null, items: null };

/** Builds the tree of places from the events of a whole text. */
class Tree {
  readonly mistakes: Mistake[] = [];
  readonly root: Part;
  readonly #events: readonly Event[];
  readonly #text: string;
  readonly #anchors = new Map<string, Counted>();
  #next = 0;
  #aliasedParts = 0;

  constructor(events: readonly Event[], text: string) {
    this.#events = events;
    this.#text = text;
    this.root = this.#document();
    if (this.#aliasedParts > ALIASED_PARTS_MAX) {
      const found = `The aliases stand for more than ${ALIASED_PARTS_MAX.toLocaleString('en-US')} parts.`;
      this.mistakes.push({ offset: 0, path: [], found, expected: 'Expected fewer aliases of aliases.' });
    }
  }

  #document(): Part {
    if (this.#events.length === 0) return NOTHING;
    this.#next++;
    const { part } = this.#part();
    this.#next++;
    if (this.#next < this.#events.length) {
      const offset = this.#text.indexOf('\n---', Math.max(0, part.at)) + 1;
      const found = 'A second document begins here.';
      this.mistakes.push({ offset, path: [], found, expected: 'Expected one document per file.' });
    }
    return part;
  }

  #part(): Counted {
    const event = this.#events[this.#next++];
    if (event === undefined || event.type === EVENT_ID.POP || event.type === EVENT_ID.DOCUMENT) {
      return { part: NOTHING, count: 0 };
    }
    if (event.type === EVENT_ID.ALIAS) return this.#alias(event);
    if (event.type === EVENT_ID.SCALAR) return this.#anchored(event, { part: scalarPart(event), count: 1 });
    return this.#anchored(event, event.type === EVENT_ID.MAPPING ? this.#map(event) : this.#list(event));
  }

  #anchored(event: ScalarEvent | MappingEvent | SequenceEvent, counted: Counted): Counted {
    if (event.anchorStart >= 0) this.#anchors.set(this.#text.slice(event.anchorStart, event.anchorEnd), counted);
    return counted;
  }

  #alias({ anchorStart, anchorEnd }: AliasEvent): Counted {
    const name = this.#text.slice(anchorStart, anchorEnd);
    const target = this.#anchors.get(name);
    if (target !== undefined) {
      this.#aliasedParts += target.count;
      return target;
    }
    const found = `There is no anchor '&${name}' before this alias.`;
    this.mistakes.push({ offset: anchorStart - 1, path: [], found, expected: 'Expected an anchor further up.' });
    return { part: NOTHING, count: 0 };
  }

  #list({ start }: SequenceEvent): Counted {
    const items: Part[] = [];
    let count = 1;
    while (!this.#ended()) {
      const item = this.#part();
      items.push(item.part);
      count += item.count;
    }
    return { part: { at: start, members: null, items }, count };
  }

  #map({ start }: MappingEvent): Counted {
    const members = new Map<string, Member>();
    const merged: Part[] = [];
    let count = 1;
    while (!this.#ended()) {
      const event = this.#events[this.#next];
      const key = event?.type === EVENT_ID.SCALAR ? getScalarValue(this.#text, event) : undefined;
      const { part: keyPart } = this.#part();
      const value = this.#part();
      count += value.count;
      // A value that is not written has no place of its own.
      const part = value.part.at < 0 ? { ...value.part, at: keyPart.at } : value.part;
      if (key === undefined) continue;
      if (key === '<<') merged.push(...(part.items ?? [part]));
      else if (members.has(key)) {
        const found = `The key '${key}' stands twice in one map.`;
        this.mistakes.push({ offset: keyPart.at, path: [], found, expected: 'Remove or rename one of them.' });
      } else members.set(key, { keyAt: keyPart.at, part });
    }
    return { part: { at: start, members, items: null, ...(merged.length > 0 ? { merged } : {}) }, count };
  }

  /** True, and past the end, when the map or list that is being read is over. */
  #ended(): boolean {
    const event = this.#events[this.#next];
    if (event !== undefined && event.type !== EVENT_ID.POP) return false;
    this.#next++;
    return true;
  }
}

function scalarPart({ valueStart, style }: ScalarEvent): Part {
  const quoted = style === SCALAR_STYLE.SINGLE_QUOTED || style === SCALAR_STYLE.DOUBLE_QUOTED;
  return { at: quoted ? valueStart - 1 : valueStart, members: null, items: null };
}

/** What the parser's reasons mean, where its own words do not help somebody who did not write the parser. */
const WORDING: readonly (readonly [reason: RegExp, found: string, expected: string])[] = [
  [/^tab characters/, 'A tab stands where spaces indent.', 'Expected spaces only: YAML forbids tabs for indentation.'],
  [
    /^deficient indentation/,
    'A bracket or quote is still open here, or this line should be indented more.',
    'Expected the closing bracket or quote before this line.',
  ],
  [
    /^bad indentation/,
    'This does not fit what stands before it.',
    'Expected the indentation of its neighbours, or a colon, a dash or a quote that is missing.',
  ],
  [/^missed comma/, 'A comma or a closing bracket is missing before here.', ''],
  [/within a flow collection$/, 'A bracket is never closed.', 'Expected ] or }.'],
  [/quoted scalar$/, 'A quote is never closed.', 'Expected the same quote again.'],
  [
    /':' after a mapping key|multiline key|colon is missed/,
    'A key has no colon.',
    "Expected 'key: value', or 'key:' and a map or list on the next lines.",
  ],
  [/^end of the stream or a document separator/, 'The document should have ended before here.', ''],
];

function mistakeOf({ reason, mark }: YAMLException, text: string): Mistake {
  const offset = Math.min(mark?.position ?? 0, Math.max(0, text.length - 1));
  if (text.startsWith('${', offset - 1)) {
    const expected = `Inside { } and [ ] a value with a variable needs quotes: "$\{NAME}".`;
    return { offset: offset - 1, path: [], found: 'A variable stands without quotes here.', expected };
  }
  const [, found, expected] = WORDING.find(([pattern]) => pattern.test(reason)) ?? [
    reason,
    `Not valid YAML: ${reason}.`,
    '',
  ];
  return { offset, path: [], found, expected };
}
