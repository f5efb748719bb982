// The pieces every part of the schema is built from: scalars with a reader of their own, maps, lists, choices.
// Owns how a mistake becomes two sentences inside a zod issue. Leaves the place of the mistake to load.ts.

import { z } from 'zod';
import { alternatives, didYouMean, Refusal, refuse, shown } from '../../base/problems.js';
import { expand } from '../environment.js';
import {
  DURATION_MS_MAX,
  type Duration,
  durationText,
  readDuration,
  readPeers,
  readSize,
  type Size,
} from '../units.js';

/** What the reference page says beyond the description and the default. */
interface Reference {
  /** What kind of value it is, where the JSON Schema does not tell. */
  readonly kind?: string;
  /** What 0 means, where 0 is special. */
  readonly zero?: string;
  /** The range a value must be in, in words: of a number, size or duration, unless an option says more of it. */
  readonly limit?: string;
  /** The default in words, where it is not one value. */
  readonly byDefault?: string;
}

/** The notes of each option, found by the option's schema. */
export const references = z.registry<Reference>();

/** Separates what was found from what was expected inside the message of a zod issue. */
const SEPARATOR = '\n';

/** The message of an issue from a refusal, and back. */
export function refusalText(refusal: Refusal): string {
  return `${refusal.found}${SEPARATOR}${refusal.expected}`;
}

export function refusalFrom(message: string): Refusal {
  const [found, expected] = message.split(SEPARATOR);
  return new Refusal(found ?? '', expected ?? '');
}

/** JSON Schema of a scalar: what an editor can check without us. */
type ScalarJson = Readonly<Record<string, unknown>>;

/**
 * A value that is not a map or a list, read by `read`. `Input` is what a TypeScript config may write.
 * `kind` names it on the reference page. A missing value is reported with the expectation of the reader.
 * Variables of the environment are filled in before it is read, except those in `own`, which `read` keeps for later.
 * `limit` is the range that `read` holds it to, for that page.
 */
export function scalar<Input, Output>(
  kind: string,
  json: ScalarJson,
  read: (value: unknown) => Output | Refusal,
  own?: readonly string[],
  limit?: string,
) {
  const schema = z
    .custom<Input>()
    .meta(jsonWithVariables(json))
    .transform((value, context): Output => {
      const result = readExpanded(value, read, own);
      if (!(result instanceof Refusal)) return result;
      context.issues.push({ code: 'custom', message: refusalText(result), input: value });
      return z.NEVER;
    });
  references.add(schema, { kind, ...(limit === undefined ? {} : { limit }) });
  return schema;
}

/** A text with a variable in it, as JSON Schema says it. */
const VARIABLE = '\\$\\{';

/** What an editor accepts: also a text with a variable in it, where another text would be refused. */
function jsonWithVariables(json: ScalarJson): ScalarJson {
  const { type, pattern } = json;
  if ('enum' in json) return { anyOf: [json, { type: 'string', pattern: VARIABLE }] };
  if (typeof pattern === 'string') return { ...json, pattern: `${pattern}|${VARIABLE}` };
  if (type === 'string' || Array.isArray(type)) return json;
  return { ...json, type: [type, 'string'], pattern: VARIABLE };
}

/** Reads `value`, its variables filled in. A number or true in the environment is one here, too, where a text is none. */
function readExpanded<Output>(
  value: unknown,
  read: (value: unknown) => Output | Refusal,
  own: readonly string[] | undefined,
): Output | Refusal {
  if (Array.isArray(value)) {
    const items = value.map((item: unknown) => (typeof item === 'string' ? expand(item, own) : item));
    return (
      items.find((item) => item instanceof Refusal) ??
      read(items.map((item) => (typeof item === 'object' && item !== null && 'text' in item ? item.text : item)))
    );
  }
  if (typeof value !== 'string') return read(value);
  const expanded = expand(value, own);
  if (expanded instanceof Refusal) return expanded;
  const { text, from } = expanded;
  const result = read(text);
  if (from.length === 0 || !(result instanceof Refusal)) return result;
  if (/^-?\d+(?:\.\d+)?$/.test(text) || text === 'true' || text === 'false') {
    const plain = read(JSON.parse(text.replace(/^(-?)0+(?=\d)/, '$1')));
    if (!(plain instanceof Refusal)) return plain;
  }
  return new Refusal(result.found, `${result.expected} The value comes from ${from.join(' and ')}.`);
}

/** What to write in the place of a value that is none; nothing where that is not clear. */
type Advice = (value: string | number | boolean) => string;

const inQuotes: Advice = (value) => (typeof value === 'string' ? '' : ` Write it in quotes: "${value}".`);

/** Any text that `isGood` accepts; `noun` and `expected` say what it is. */
export function text(
  noun: string,
  expected: string,
  isGood: (value: string) => boolean = (value) => value !== '',
  advice: Advice = inQuotes,
  own?: readonly string[],
) {
  const read = (value: unknown): string | Refusal => {
    if (typeof value === 'string' && isGood(value)) return value;
    if (typeof value === 'number' || typeof value === 'boolean') {
      return new Refusal(`${value} is a ${typeof value}, not a text.`, expected + advice(value));
    }
    if (value === '') return new Refusal('The text is empty.', expected);
    return refuse(value, noun, typeof value === 'string' ? expected + advice(value) : expected);
  };
  return scalar<string, string>('text', { type: 'string' }, read, own);
}

/** The name of a file; `kind` is what is in it. In quotes `true` would be one, but never the one that was meant. */
export function fileName(kind: string) {
  return text(
    'a file name',
    `Expected the name of a ${kind}.`,
    (value) => value !== '',
    (value) => (typeof value === 'boolean' ? '' : inQuotes(value)),
  );
}

/** A whole number from `min` to `max`. */
export function integer(noun: string, min: number, max: number) {
  const expected = `Expected a whole number from ${min} to ${max}.`;
  const read = (value: unknown): number | Refusal => {
    if (typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max) return value;
    if (typeof value === 'string' && /^\d+$/.test(value)) {
      return new Refusal(`'${value}' is a text, not a number.`, `${expected} Write it without quotes.`);
    }
    return refuse(value, noun, expected);
  };
  const json = { type: 'integer', minimum: min, maximum: max };
  return scalar<number, number>('whole number', json, read, undefined, `${min} to ${max}`);
}

/** A number from `min` to `max`, fractions allowed. */
export function decimal(noun: string, min: number, max: number) {
  const expected = `Expected a number from ${min} to ${max}.`;
  const read = (value: unknown): number | Refusal =>
    typeof value === 'number' && value >= min && value <= max ? value : refuse(value, noun, expected);
  const json = { type: 'number', minimum: min, maximum: max };
  return scalar<number, number>('number', json, read, undefined, `${min} to ${max}`);
}

/** true or false. */
export function flag() {
  return scalar<boolean, boolean>('true or false', { type: 'boolean' }, (value) => {
    if (typeof value === 'boolean') return value;
    if (value === 'yes' || value === 'on')
      return refuse(value, 'true or false', 'Expected true or false. Did you mean true?');
    if (value === 'no' || value === 'off')
      return refuse(value, 'true or false', 'Expected true or false. Did you mean false?');
    return refuse(value, 'true or false', 'Expected true or false.');
  });
}

/** One of a few words. `noun` names the choice: "'PathPerfix' is not a path type." */
export function choice<const Word extends string>(noun: string, words: readonly Word[]) {
  return scalar<Word, Word>(words.map((word) => `\`${word}\``).join(', '), { type: 'string', enum: words }, (value) => {
    const word = words.find((candidate) => candidate === value);
    if (word !== undefined) return word;
    const meant = typeof value === 'string' ? didYouMean(value, words) : '';
    return refuse(value, noun, `Expected ${alternatives(words)}.${meant}`);
  });
}

/** One of a few numbers. */
export function numberChoice<const Choice extends number>(noun: string, numbers: readonly Choice[]) {
  return scalar<Choice, Choice>(numbers.join(', '), { type: 'integer', enum: numbers }, (value) => {
    const number = numbers.find((candidate) => candidate === value);
    return number ?? refuse(value, noun, `Expected ${alternatives(numbers.map(String))}.`);
  });
}

const DURATION_PATTERN = '^(0|([0-9]+(\\.[0-9]+)?\\s*(ms|[smhd])\\s*)+)$';

/** A duration, in milliseconds once read, from `minMs` to `maxMs`. */
export function duration(minMs = 0, maxMs: number = DURATION_MS_MAX) {
  return scalar<Duration, number>(
    'duration',
    { type: ['string', 'integer'], pattern: DURATION_PATTERN, maximum: 0, minimum: 0 },
    (value) => {
      const ms = readDuration(value);
      if (ms instanceof Refusal) return ms;
      if (ms < minMs) return new Refusal(`${shown(value)} is too short.`, `Expected at least ${durationText(minMs)}.`);
      if (ms > maxMs) return new Refusal(`${shown(value)} is too long.`, `Expected at most ${durationText(maxMs)}.`);
      return ms;
    },
    undefined,
    rangeText(minMs, maxMs, DURATION_MS_MAX, durationText),
  );
}

/** A duration of whole seconds, in milliseconds once read: 0 where `orZero`, else 1 to `maxSeconds`. */
export function wholeSeconds(maxSeconds: number, orZero: boolean) {
  const range = `1s to ${durationText(maxSeconds * 1000)}`;
  const expected = `Expected whole seconds, ${range}${orZero ? ', or 0' : ''}.`;
  return scalar<Duration, number>(
    'duration',
    { type: ['string', 'integer'], pattern: DURATION_PATTERN, maximum: 0, minimum: 0 },
    (value) => {
      const ms = readDuration(value);
      if (ms instanceof Refusal || (ms === 0 && orZero)) return ms;
      if (ms % 1000 !== 0) return new Refusal(`${shown(value)} is not a whole number of seconds.`, expected);
      if (ms === 0) return new Refusal(`${shown(value)} is too short.`, expected);
      if (ms > maxSeconds * 1000) return new Refusal(`${shown(value)} is too long.`, expected);
      return ms;
    },
    undefined,
    `whole seconds, ${range}`,
  );
}

/** A size, in bytes once read, from `min` to `max`. */
export function size(min: number, max: number = Number.MAX_SAFE_INTEGER) {
  return scalar<Size, number>(
    'size',
    { type: ['string', 'integer'], pattern: '^[0-9]+(\\.[0-9]+)?\\s*(B|KiB|MiB|GiB)?$', minimum: min },
    (value) => sizeWithin(value, min, max),
    undefined,
    rangeText(min, max, Number.MAX_SAFE_INTEGER, sizeText),
  );
}

/** A size, or `auto`: what suits the machine. */
export function sizeOrAuto(min: number, max: number) {
  return scalar<Size | 'auto', number | 'auto'>(
    'size or `auto`',
    { type: ['string', 'integer'], pattern: '^([0-9]+(\\.[0-9]+)?\\s*(B|KiB|MiB|GiB)?|auto)$', minimum: min },
    (value) => (value === 'auto' ? value : sizeWithin(value, min, max)),
    undefined,
    rangeText(min, max, Number.MAX_SAFE_INTEGER, sizeText),
  );
}

function sizeWithin(value: unknown, min: number, max: number): number | Refusal {
  const bytes = readSize(value);
  if (bytes instanceof Refusal) return bytes;
  if (bytes < min) return new Refusal(`${shown(value)} is too small.`, `Expected at least ${sizeText(min)}.`);
  if (bytes > max) return new Refusal(`${shown(value)} is too large.`, `Expected at most ${sizeText(max)}.`);
  return bytes;
}

/** A range in words; nothing where it says no more than the kind of value does, whose greatest one is `open`. */
function rangeText(min: number, max: number, open: number, text: (value: number) => string): string | undefined {
  if (max < open) return `${min === 0 ? '0' : text(min)} to ${text(max)}`;
  return min > 0 ? `at least ${text(min)}` : undefined;
}

/** 16384 as `16KiB`. */
export function sizeText(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB'];
  let unit = 0;
  let amount = bytes;
  while (amount >= 1024 && amount % 1024 === 0 && unit < units.length - 1) {
    amount /= 1024;
    unit++;
  }
  return unit === 0 ? `${bytes} bytes` : `${amount}${units[unit]}`;
}

/** An address, a range of them, or `unix:` for everything that comes over a unix socket. */
export function peers() {
  return scalar<string, string>('CIDR range or `unix:`', { type: 'string' }, (value) => readPeers(value));
}

/** A map with fixed keys. Other keys are mistakes; load.ts makes one problem of each, with the nearest known key. */
export function map<Shape extends z.core.$ZodLooseShape>(noun: string, shape: Shape) {
  // `$schema` is for editors: no message offers it.
  const keys = Object.keys(shape).filter((key) => !key.startsWith('$'));
  return z.strictObject(shape, {
    error: (issue) =>
      issue.code === 'unrecognized_keys'
        ? knownKeysText(keys)
        : refusalText(
            refuse(issue.input, noun, `Expected a map with ${keysInWords(keys)}.${keyAdvice(issue.input, keys)}`),
          ),
  });
}

/** The name of one key in place of the map is a common slip. */
function keyAdvice(value: unknown, keys: readonly string[]): string {
  return typeof value === 'string' && keys.includes(value) ? ` Write { ${value}: … }.` : '';
}

function keysInWords(keys: readonly string[]): string {
  return keys.length === 1 ? `the key ${keys[0]}` : `the keys ${alternatives(keys, 'and')}`;
}

/** The known keys as an issue of kind unrecognized_keys carries them, and back. */
function knownKeysText(keys: readonly string[]): string {
  return keys.join(SEPARATOR);
}

export function knownKeysFrom(message: string): string[] {
  return message.split(SEPARATOR);
}

/** A text as an entry of a list in brackets: quoted where YAML would read something else. */
function inList(value: string): string {
  return /^[A-Za-z0-9][\w./-]*$/.test(value) ? value : JSON.stringify(value);
}

/** A list of `item`, with at least `min` of them. */
export function list<Item extends z.ZodType>(noun: string, item: Item, min = 0) {
  const expected = `Expected ${noun}.`;
  // One value in place of a list of one is a common slip; a map or a block of text is something else.
  const advice = (value: unknown): string => {
    if (references.get(item)?.kind === undefined || (typeof value !== 'string' && typeof value !== 'number')) return '';
    const read = item.safeParse(value);
    if (read.success) return ` Write [${inList(String(value))}].`;
    const wrong = read.error.issues[0]?.code === 'custom' ? refusalFrom(read.error.issues[0].message) : undefined;
    return wrong === undefined ? '' : ` In it: ${wrong.expected.replace(/^E/, 'e')}`;
  };
  const items = z.array(item, {
    error: ({ input }) => refusalText(refuse(input, noun, expected + advice(input))),
  });
  if (min === 0) return items;
  return items.min(min, {
    error: () => refusalText(new Refusal('The list is empty.', `${expected.slice(0, -1)} with at least one entry.`)),
  });
}

/** A map from names that the user chooses to `item`. */
export function named<Item extends z.ZodType>(noun: string, item: Item) {
  const expected = `Expected ${noun}.`;
  return z.record(z.string(), item, { error: (issue) => refusalText(refuse(issue.input, noun, expected)) });
}

/** Adds what the reference page says about an option. */
export function option<Schema extends z.ZodType>(schema: Schema, says: string, notes: Reference = {}): Schema {
  const described = schema.describe(says);
  references.add(described, notes);
  return described;
}
