// What the fuzzers start from: the messages of test/wire.

import { readCorpus, type WireCase } from '../wire/corpus.js';

const cases: readonly WireCase[] = ['requests.md', 'responses.md', 'refusals.md'].flatMap(readCorpus);
const short = (text: string): boolean => text.length > 0 && text.length < 6000;
const bytesOf = (texts: string[]): Buffer[] =>
  [...new Set(texts)].filter(short).map((text) => Buffer.from(text, 'latin1'));

export const requests: readonly Buffer[] = bytesOf(cases.map(({ sends }) => sends));
export const responses: readonly Buffer[] = bytesOf(cases.map(({ answers }) => answers));
