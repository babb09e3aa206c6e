/** Generates files of every kind that the page displays. */
import { crc32, deflateSync } from 'node:zlib';

type Bytes = Uint8Array<ArrayBuffer>;

export const latin = (text: string): Bytes => Uint8Array.from(text, (character) => character.charCodeAt(0));
export const utf8 = (text: string): Bytes => new TextEncoder().encode(text);
export const joined = (...parts: Uint8Array[]): Bytes => new Uint8Array(Buffer.concat(parts));
export const u32 = (value: number): Bytes => Uint8Array.of(value >>> 24, value >>> 16, value >>> 8, value);
export const u16 = (value: number): Bytes => Uint8Array.of(value >>> 8, value);
export const u16le = (value: number): Bytes => Uint8Array.of(value, value >>> 8);
export const u32le = (value: number): Bytes => u32(value).reverse();

/** RGBA values of an opaque picture in which neighboring pixels differ. */
export function pixelsOf(width: number, height: number): Bytes {
  const pixels = new Uint8Array(width * height * 4);
  for (let at = 0; at < width * height; at++) {
    const [x, y] = [at % width, Math.floor(at / width)];
    pixels.set([(x * 5) & 255, (y * 7) & 255, (x * 3 + y * 11) & 255, 255], at * 4);
  }
  return pixels;
}

const chunk = (type: string, data: Uint8Array): Bytes => {
  const body = joined(latin(type), data);
  return joined(u32(data.length), body, u32(crc32(body)));
};
export const pngMagic = latin('\x89PNG\r\n\x1a\n');

/** A PNG of these pixels. @param stated dimensions in the header, if they should differ from the real ones */
export function png(width: number, height: number, pixels = pixelsOf(width, height), stated = [width, height]): Bytes {
  const rows = Array.from({ length: height }, (_, y) =>
    joined(Uint8Array.of(0), pixels.subarray(y * width * 4, (y + 1) * width * 4)),
  );
  const header = joined(u32(stated[0] ?? 0), u32(stated[1] ?? 0), Uint8Array.of(8, 6, 0, 0, 0));
  return joined(
    pngMagic,
    chunk('IHDR', header),
    chunk('IDAT', deflateSync(joined(...rows))),
    chunk('IEND', new Uint8Array(0)),
  );
}

/** A GIF of one color. Its LZW codes are uncompressed: 8 bits each, with a clear code before the table would grow. */
export function gif(width: number, height: number, [red, green, blue]: readonly [number, number, number]): Bytes {
  const codes: number[] = [];
  for (let at = 0; at < width * height; at++) codes.push(...(at % 100 === 0 ? [128, 0] : [0]));
  codes.push(129);
  const bits = codes.flatMap((code) => Array.from({ length: 8 }, (_, bit) => (code >> bit) & 1));
  const data = Array.from({ length: Math.ceil(bits.length / 8) }, (_, at) =>
    bits.slice(at * 8, at * 8 + 8).reduce((byte, bit, place) => byte | (bit << place), 0),
  );
  const blocks: Uint8Array[] = [];
  for (let at = 0; at < data.length; at += 255) {
    const part = data.slice(at, at + 255);
    blocks.push(Uint8Array.of(part.length, ...part));
  }
  const size = joined(u16le(width), u16le(height));
  const table = new Uint8Array(128 * 3);
  table.set([red, green, blue]);
  return joined(
    ...[latin('GIF89a'), size, Uint8Array.of(0xf6, 0, 0), table, Uint8Array.of(0x2c, 0, 0, 0, 0), size],
    ...[Uint8Array.of(0, 7), ...blocks, Uint8Array.of(0, 0x3b)],
  );
}

/** Half a second of a tone, 8 kHz and 16 bits. */
export function wav(): Bytes {
  const samples = Uint8Array.from({ length: 8000 }, (_, at) =>
    at % 2 === 0 ? 0 : Math.round(60 * Math.sin(at / 6)) & 255,
  );
  const format = joined(u32le(16), u16le(1), u16le(1), u32le(8000), u32le(16_000), u16le(2), u16le(16));
  const chunks = joined(latin('WAVEfmt '), format, latin('data'), u32le(samples.length), samples);
  return joined(latin('RIFF'), u32le(chunks.length), chunks);
}

const box = (type: string, ...parts: Uint8Array[]): Bytes => {
  const body = joined(...parts);
  return joined(u32(body.length + 8), latin(type), body);
};

/** The boxes of an AVIF up to its dimensions, without image data. */
export const avifHead = (...sizes: readonly (readonly [number, number])[]): Bytes =>
  joined(
    box('ftyp', latin('avif'), u32(0), latin('avifmif1')),
    box(
      'meta',
      u32(0),
      box('hdlr', new Uint8Array(24)),
      box('iprp', box('ipco', ...sizes.map(([width, height]) => box('ispe', u32(0), u32(width), u32(height))))),
    ),
  );

/** The boxes of a sequence of AVIF: the size of its still picture, of its track, and of the frames in it. */
export function avifSequence(
  still: readonly [number, number],
  [width, height]: readonly [number, number],
  frame: readonly [number, number],
): Bytes {
  const entry = box('av01', new Uint8Array(24), u16(frame[0]), u16(frame[1]), new Uint8Array(50));
  const stbl = box('stbl', box('stsd', u32(0), u32(1), entry));
  const tkhd = box('tkhd', new Uint8Array(76), u32(width * 65_536), u32(height * 65_536));
  const trak = box('trak', tkhd, box('mdia', box('mdhd', new Uint8Array(20)), box('minf', stbl)));
  const head = avifHead(still);
  return joined(box('ftyp', latin('avis'), u32(0), latin('avisavif')), head.subarray(24), box('moov', trak));
}

/** A BMP with 24 bits per pixel. @param height negative if the rows begin at the top */
export function bmp(width: number, height: number): Bytes {
  const stride = Math.ceil((width * 3) / 4) * 4;
  const isSmall = width < 1000;
  const pixels = new Uint8Array(isSmall ? stride * Math.abs(height) : 0).map((_, at) => (at * 7) & 255);
  const header = joined(u32le(40), u32le(width), u32le(height), u16le(1), u16le(24), new Uint8Array(24));
  return joined(latin('BM'), u32le(54 + pixels.length), u32(0), u32le(54), header, pixels);
}

/** An icon of these pictures: PNGs, or bitmaps without their first header. */
export function ico(...pictures: Uint8Array[]): Bytes {
  let at = 6 + 16 * pictures.length;
  const entries = pictures.map((picture) => {
    const entry = joined(Uint8Array.of(16, 16, 0, 0), u16le(1), u16le(32), u32le(picture.length), u32le(at));
    at += picture.length;
    return entry;
  });
  return joined(Uint8Array.of(0, 0, 1, 0), u16le(pictures.length), ...entries, ...pictures);
}

/** A complete AVIF of 2 by 2 pixels, created with libavif. */
export const tinyAvif: Bytes = new Uint8Array(
  Buffer.from(
    'AAAAIGZ0eXBhdmlmAAAAAGF2aWZtaWYxbWlhZk1BMUIAAADybWV0YQAAAAAAAAAoaGRscgAAAAAAAAAAcGljdAAAAAAAAAAAAAAAAGxpYmF2aWYAAAAADnBpdG0AAAAA' +
      'AAEAAAAeaWxvYwAAAABEAAABAAEAAAABAAABGgAAAB0AAAAoaWluZgAAAAAAAQAAABppbmZlAgAAAAABAABhdjAxQ29sb3IAAAAAamlwcnAAAABLaXBjbwAAABRpc3Bl' +
      'AAAAAAAAAAIAAAACAAAAEHBpeGkAAAAAAwgICAAAAAxhdjFDgQ0MAAAAABNjb2xybmNseAACAAIAAYAAAAAXaXBtYQAAAAAAAAABAAEEAQKDBAAAACVtZGF0EgAKCBgA' +
      'NogQEAwgMg8f8D///8WfhwB8+ErfQg==',
    'base64',
  ),
);
