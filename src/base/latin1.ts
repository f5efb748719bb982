// Text as bytes of a head: one character per byte.

/** Text as it goes out: UTF-8, one character per byte. */
export const oneBytePerCharacter = (text: string): string => Buffer.from(text, 'utf8').toString('latin1');
