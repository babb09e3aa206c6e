import { describe, expect, test } from 'vitest';
import { detectFileType } from '../../viewer/src/preview/file-type-detection.ts';
import { maxPixels, readImageDimensions } from '../../viewer/src/preview/image-dimensions.ts';
import {
  avifHead,
  avifSequence,
  bmp,
  gif,
  ico,
  joined,
  latin,
  png,
  tinyAvif,
  u16,
  u16le,
  u32,
  u32le,
  utf8,
  wav,
} from './sample-files.ts';

type Bytes = Uint8Array<ArrayBuffer>;
const ftyp = (brand: string) => joined(u32(24), latin(`ftyp${brand}`), u32(0), latin('mif1avif'));
const webm = (docType: string) =>
  joined(latin('\x1aE\xdf\xa3\x93\x42\x82'), Uint8Array.of(0x80 + docType.length), latin(docType));
const ogg = (codec: string) => joined(latin('OggS'), new Uint8Array(24), latin(codec));
/** Two frames of MPEG-1 layer III: 128 kbit/s, 44.1 kHz, 417 bytes each. */
const mp3 = joined(latin('\xff\xfb\x90\0'), new Uint8Array(413), latin('\xff\xfb\x90\0'), new Uint8Array(413));

const ftypOf = (major: string, ...brands: string[]) =>
  joined(u32(16 + 4 * brands.length), latin(`ftyp${major}`), u32(0), latin(brands.join('')), latin('more boxes'));
/** Two frames of AAC with ADTS headers, 20 bytes each. */
const aac = joined(...[1, 2].map(() => joined(latin('\xff\xf1\x50\x80\x02\x9f\xfc'), new Uint8Array(13))));

describe('what a file is, by its first bytes', () => {
  test.for<[string, Bytes, string, string]>([
    ['PNG', png(1, 1), 'image/png', 'PNG'],
    ['JPEG', latin('\xff\xd8\xff\xe0'), 'image/jpeg', 'JPEG'],
    ['GIF', gif(1, 1, [0, 0, 0]), 'image/gif', 'GIF'],
    ['WebP', latin('RIFF....WEBPVP8 '), 'image/webp', 'WebP'],
    ['AVIF', tinyAvif, 'image/avif', 'AVIF'],
    ['a sequence of AVIF', ftyp('avis'), 'image/avif', 'AVIF'],
    ['AVIF with a general brand first', ftypOf('mif1', 'miaf', 'avif'), 'image/avif', 'AVIF'],
    ['HEIC', ftypOf('heic', 'mif1', 'heic'), 'image/heic', 'HEIC'],
    ['HEIC with a general brand first', ftypOf('mif1', 'heic'), 'image/heic', 'HEIC'],
    ['BMP', bmp(1, 1), 'image/bmp', 'BMP'],
    ['BMP with the oldest header', joined(latin('BM'), u32le(40), u32(0), u32le(26), u32le(12)), 'image/bmp', 'BMP'],
    ['an icon', ico(png(16, 16)), 'image/x-icon', 'ICO'],
    ['a cursor', joined(Uint8Array.of(0, 0, 2, 0), ico(png(16, 16)).subarray(4)), 'image/x-icon', 'ICO'],
    ['MP4', ftyp('isom'), 'video/mp4', 'MP4'],
    ['M4V', ftyp('M4V '), 'video/mp4', 'MP4'],
    ['MP4 of a brand that is not known', ftyp('XAVC'), 'video/mp4', 'MP4'],
    ['fragmented MP4', ftypOf('iso5', 'iso6', 'dash'), 'video/mp4', 'MP4'],
    ['MP4 whose first box has 256 bytes', joined(u32(256), latin('ftypmp42'), new Uint8Array(250)), 'video/mp4', 'MP4'],
    ['QuickTime', ftyp('qt  '), 'video/mp4', 'QuickTime'],
    ['QuickTime without a brand', joined(u32(8), latin('wide'), u32(99), latin('mdat')), 'video/mp4', 'QuickTime'],
    ['M4A', ftyp('M4A '), 'audio/mp4', 'M4A'],
    ['WebM', webm('webm'), 'video/webm', 'WebM'],
    ['Matroska', webm('matroska'), 'video/webm', 'Matroska'],
    ['Ogg with Theora', ogg('\x80theora'), 'video/ogg', 'Ogg'],
    ['Ogg with Opus', ogg('OpusHead'), 'video/ogg', 'Ogg'],
    ['Ogg with Vorbis', ogg('\x01vorbis'), 'video/ogg', 'Ogg'],
    ['WAV', wav(), 'audio/wav', 'WAV'],
    ['AIFF', latin('FORM....AIFFCOMM'), 'audio/aiff', 'AIFF'],
    ['CAF', latin('caff\0\x01'), 'audio/x-caf', 'CAF'],
    ['FLAC', latin('fLaC'), 'audio/flac', 'FLAC'],
    ['AAC', aac, 'audio/aac', 'AAC'],
    ['MP3 with a tag', latin('ID3\x04'), 'audio/mpeg', 'MP3'],
    ['MP3 without one', mp3, 'audio/mpeg', 'MP3'],
  ])('%s is known', ([, file, mediaType, name]) => {
    const category = mediaType.startsWith('image/') ? 'image' : 'media';
    expect(detectFileType(file)).toEqual({ category, mediaType, name });
  });

  test.for<[string, Bytes]>([
    ['nothing', new Uint8Array(0)],
    ['SVG', utf8('<svg xmlns="http://www.w3.org/2000/svg"/>')],
    ['HTML', utf8('<!doctype html>')],
    ['PDF', utf8('%PDF-1.7')],
    ['half of a magic', latin('\x89PNG\r\n\x1a')],
    ['another case of a magic', latin('gif89a')],
    ['white space before a magic', joined(utf8(' '), png(1, 1))],
    ['an EBML document that is no Matroska', webm('whatever')],
    ['an AVI', latin('RIFF....AVI ')],
    ['Ogg of an unknown codec', ogg('whatever')],
    ['one frame of MP3, and no second', mp3.subarray(0, 417)],
    ['one frame of AAC, and no second', aac.subarray(0, 20)],
    ['the sync of MP3 alone', latin('\xff\xfb\x90\0'.repeat(9))],
    ['text that begins like BMP', utf8('BM: a text about bitmaps')],
    ['a font', latin('\0\x01\0\0\0\x0b')],
    ['an icon without pictures', new Uint8Array([0, 0, 1, 0, 0, 0])],
    ['UTF-16, whose mark looks like a sync', latin('\xff\xfe<\0h\0')],
  ])('%s is none of these', ([, file]) => {
    expect(detectFileType(file)).toBeUndefined();
  });
});

const longBox = joined(u32(1), latin('free'), u32(0), u32(24), new Uint8Array(8));
const riff = (...parts: Uint8Array[]) => joined(latin('RIFF....WEBP'), ...parts, new Uint8Array(30));
const jpeg = (width: number, height: number, before: Uint8Array = new Uint8Array(0), marker = 0xc2) =>
  joined(
    latin('\xff\xd8'),
    before,
    Uint8Array.of(0xff, marker),
    u16(11),
    Uint8Array.of(8),
    u16(height),
    u16(width),
    new Uint8Array(4),
  );
const segment = (marker: number, length: number) =>
  joined(Uint8Array.of(0xff, marker), u16(length), new Uint8Array(length - 2));
const sized = (file: Bytes) => {
  const kind = detectFileType(file);
  if (kind === undefined) throw new Error('it is of no known kind');
  return readImageDimensions(new Blob([file]), kind);
};

describe('dimensions, before anything is decoded', () => {
  test.for<[string, Bytes, number, number]>([
    ['PNG', png(3, 2), 3, 2],
    ['GIF', gif(31, 17, [0, 0, 0]), 31, 17],
    [
      'GIF whose picture is larger than its screen',
      joined(
        latin('GIF89a'),
        u16le(1),
        u16le(1),
        Uint8Array.of(0, 0, 0, 0x2c),
        u16le(10),
        u16le(20),
        u16le(100),
        u16le(200),
        new Uint8Array(9),
      ),
      110,
      220,
    ],
    [
      'GIF with a comment',
      joined(
        latin('GIF89a'),
        u16le(5),
        u16le(6),
        Uint8Array.of(0, 0, 0, 0x21, 0xfe, 2, 1, 1, 1, 9, 0, 0x2c),
        new Uint8Array(9),
      ),
      5,
      6,
    ],
    ['JPEG', jpeg(640, 480), 640, 480],
    [
      'JPEG behind other segments',
      jpeg(9, 8, joined(segment(0xe0, 16), segment(0xe1, 65_000), segment(0xc4, 30), Uint8Array.of(0xff, 0xff))),
      9,
      8,
    ],
    [
      'WebP, lossy',
      riff(latin('VP8 '), u32le(9), new Uint8Array(3), latin('\x9d\x01\x2a'), u16le(0x4000 | 70), u16le(50)),
      70,
      50,
    ],
    ['WebP, lossless', riff(latin('VP8L'), u32le(9), Uint8Array.of(0x2f), u32le((49 << 14) | 69)), 70, 50],
    ['WebP, extended', riff(latin('VP8X'), u32le(10), new Uint8Array(4), Uint8Array.of(69, 0, 0, 49, 0, 0)), 70, 50],
    ['AVIF', tinyAvif, 2, 2],
    ['BMP', bmp(5, 4), 5, 4],
    ['BMP whose rows begin at the top', bmp(5, -4), 5, 4],
    [
      'BMP with the oldest header',
      joined(latin('BM'), new Uint8Array(4), u32(0), u32le(26), u32le(12), u16le(7), u16le(6), new Uint8Array(20)),
      7,
      6,
    ],
    ['icon: the largest picture', ico(png(16, 16), png(300, 200)), 300, 200],
    ['icon with a bitmap and its mask', ico(bmp(24, 48).subarray(14)), 24, 24],
    ['a sequence of AVIF: the track', avifSequence([2, 2], [70, 50], [64, 48]), 70, 50],
    ['a sequence of AVIF: its frames', avifSequence([2, 2], [64, 48], [70, 50]), 70, 50],
    [
      'AVIF behind a box with a 64-bit length',
      joined(avifHead().subarray(0, 24), longBox, avifHead([8, 9]).subarray(24)),
      8,
      9,
    ],
    ['AVIF of tiles: the largest', avifHead([10, 10], [70, 50], [1, 2]), 70, 50],
    ['exactly the most', png(1, 1, undefined, [10_000, maxPixels / 10_000]), 10_000, 10_000],
  ])('of %s', async ([, file, width, height]) => {
    expect(await sized(file)).toEqual({ width, height });
  });

  test.for<[string, Bytes]>([
    ['more than the most', png(1, 1, undefined, [10_000, 10_001])],
    ['2^31 squared', png(1, 1, undefined, [2 ** 31, 2 ** 31])],
    ['no height', png(1, 1, undefined, [1, 0])],
    ['PNG that ends', png(1, 1).subarray(0, 20)],
    ['PNG without IHDR at first', joined(png(1, 1).subarray(0, 8), png(1, 1).subarray(33))],
    ['GIF that ends', latin('GIF89a')],
    [
      'GIF beyond its screen',
      joined(
        latin('GIF89a'),
        u16le(1),
        u16le(1),
        Uint8Array.of(0, 0, 0, 0x2c),
        u16le(0),
        u16le(0),
        u16le(65_535),
        u16le(65_535),
        new Uint8Array(9),
      ),
    ],
    [
      'GIF without a picture',
      joined(latin('GIF89a'), u16le(9), u16le(9), Uint8Array.of(0, 0, 0, 0x3b), new Uint8Array(9)),
    ],
    [
      'GIF of endless comments',
      joined(
        latin('GIF89a'),
        u16le(9),
        u16le(9),
        new Uint8Array(3),
        ...Array.from({ length: 2000 }, () => Uint8Array.of(0x21, 0xfe, 0)),
        Uint8Array.of(0x2c),
        new Uint8Array(9),
      ),
    ],
    ['JPEG without a frame', joined(latin('\xff\xd8'), segment(0xe0, 16), latin('\xff\xda'), new Uint8Array(20))],
    ['JPEG of no height, told later', jpeg(100, 0)],
    ['JPEG with garbage between', joined(latin('\xff\xd8\xff\xe0'), u16(4), new Uint8Array(20))],
    ['JPEG of endless fill', joined(latin('\xff\xd8'), new Uint8Array(5000).fill(255))],
    ['WebP of another chunk', riff(latin('ALPH'), u32le(9))],
    ['WebP, 2^24 squared', riff(latin('VP8X'), u32le(10), new Uint8Array(4), new Uint8Array(6).fill(255))],
    ['AVIF without dimensions', avifHead()],
    ['AVIF with one dimension too large', avifHead([2, 2], [2 ** 32 - 1, 2 ** 32 - 1])],
    ['AVIF with a box that ends beyond', joined(avifHead([2, 2]).subarray(0, -30), new Uint8Array(2))],
    ['icon of a huge PNG', ico(png(1, 1, undefined, [60_000, 60_000]))],
    ['icon of too many pictures', joined(Uint8Array.of(0, 0, 1, 0), u16le(65), new Uint8Array(2000))],
    ['icon whose picture is behind its end', ico(png(16, 16)).subarray(0, 22)],
    ['BMP of 2^31 squared', bmp(2 ** 31 - 1, 2 ** 31 - 1)],
    ['a sequence of AVIF with huge frames', avifSequence([2, 2], [2, 2], [65_535, 65_535])],
    ['AVIF with a box of no length', joined(avifHead([2, 2]).subarray(0, 24), new Uint8Array(40))],
  ])('%s: none', async ([, file]) => {
    expect(await sized(file)).toBeUndefined();
  });
});
