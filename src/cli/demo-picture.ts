// A picture of a cat as a PNG, drawn here so that the demo needs no file.
// PNG: signature, then chunks of length, type, data, CRC (W3C PNG specification, third edition, section 5).

import { deflateSync } from 'node:zlib';

const SIGNATURE = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
const SCALE = 12;

/** One character per square: `.` background, `#` fur, `o` eyes, `^` nose and ears, `-` whiskers. */
const CAT = [
  '....................',
  '...#............#...',
  '..#^#..........#^#..',
  '..#^^#........#^^#..',
  '..#^^^########^^^#..',
  '..################..',
  '.##################.',
  '.####oo######oo####.',
  '.####oo######oo####.',
  '.##################.',
  '--######^^^^######--',
  '.########^^########.',
  '--######.##.######--',
  '..#######..#######..',
  '...##############...',
  '.....##########.....',
  '....................',
];

const COLOURS: Readonly<Record<string, readonly [number, number, number]>> = {
  '.': [0xf4, 0xf1, 0xea],
  '#': [0xd9, 0x8c, 0x3f],
  o: [0x2b, 0x5d, 0x34],
  '^': [0xe8, 0xa0, 0xa0],
  '-': [0x55, 0x55, 0x55],
};

function crc32(bytes: Buffer): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc & 1) === 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  }
  return (crc ^ 0xffffffff) >>> 0;
}

function chunk(type: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(data.length);
  const crc = Buffer.alloc(4);
  crc.writeUInt32BE(crc32(body));
  return Buffer.concat([length, body, crc]);
}

/** The picture: 8-bit RGB, 240 by 204. */
export function catPicture(): Buffer {
  const width = CAT[0]!.length * SCALE;
  const height = CAT.length * SCALE;
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header[8] = 8;
  header[9] = 2;
  const rows = CAT.flatMap((row) => {
    const pixels = [...row].flatMap((square) => Array<readonly number[]>(SCALE).fill(COLOURS[square]!).flat());
    return Array<Buffer>(SCALE).fill(Buffer.from([0, ...pixels]));
  });
  return Buffer.concat([
    SIGNATURE,
    chunk('IHDR', header),
    chunk('IDAT', deflateSync(Buffer.concat(rows))),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}
