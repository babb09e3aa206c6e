/**
 * Reads the width and height of images before any decoder sees the file, because a few bytes can declare an image of
 * gigabytes.
 */
import type { DetectedFileType } from './file-type-detection.ts';
import { type BytesView, boxesAt, boxesIn, parseBoxHeader, readFourCC } from './iso-media-boxes.ts';

/** Larger images are only offered as a download: a decoded image needs four bytes per pixel. */
export const maxPixels = 100_000_000;

export interface Dimensions {
  readonly width: number;
  readonly height: number;
}

/** Maximum segments, blocks or boxes to skip before a file counts as malformed. */
const maxParserSteps = 1000;
/** Maximum number of pictures in an icon. */
const maxIconPictures = 64;
/** Maximum length of a `meta` or `moov` box, bytes. */
const maxMetaBoxBytes = 1_048_576;

/** Reads up to `length` bytes at `start`; fewer at the end of the file. */
type ReadAt = (start: number, length: number) => Promise<BytesView>;

/** Reads the dimensions of the image; undefined if the file is malformed or has more than {@link maxPixels}. */
export async function readImageDimensions(
  file: Blob,
  { mediaType }: Pick<DetectedFileType, 'mediaType'>,
): Promise<Dimensions | undefined> {
  const read: ReadAt = async (start, length) => new DataView(await file.slice(start, start + length).arrayBuffer());
  try {
    const found = await dimensionReaders[mediaType]?.(read);
    if (found === undefined || found.width < 1 || found.height < 1) return undefined;
    return found.width * found.height <= maxPixels ? found : undefined;
  } catch {
    // A DataView throws a RangeError if the file ends too early.
    return undefined;
  }
}

const dimensionReaders: Readonly<Record<string, (read: ReadAt) => Promise<Dimensions | undefined>>> = {
  'image/png': readPngDimensions,
  'image/jpeg': readJpegDimensions,
  'image/gif': readGifDimensions,
  'image/webp': readWebpDimensions,
  'image/avif': readHeifDimensions,
  'image/heic': readHeifDimensions,
  'image/heif': readHeifDimensions,
  'image/bmp': readBmpDimensions,
  'image/x-icon': readIconDimensions,
};

/** W3C PNG, section 11.2.2: IHDR is the first chunk. */
async function readPngDimensions(read: ReadAt): Promise<Dimensions | undefined> {
  const head = await read(8, 16);
  if (head.getUint32(0) !== 13 || readFourCC(head, 4) !== 'IHDR') return undefined;
  return { width: head.getUint32(8), height: head.getUint32(12) };
}

/** ITU-T T.81, annex B: markers with lengths, up to the first start of frame. */
async function readJpegDimensions(read: ReadAt): Promise<Dimensions | undefined> {
  for (let at = 2, step = 0; step < maxParserSteps; step++) {
    const segment = await read(at, 9);
    if (segment.getUint8(0) !== 0xff) return undefined;
    const marker = segment.getUint8(1);
    // Any number of 0xff bytes may precede a marker.
    if (marker === 0xff) {
      at += 1;
      continue;
    }
    const isFrame = marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc;
    if (isFrame) return { width: segment.getUint16(7), height: segment.getUint16(5) };
    // Scan data, an end marker, or markers without length before any frame: not a valid image.
    if (marker < 0xc0 || (marker >= 0xd0 && marker <= 0xda)) return undefined;
    at += 2 + segment.getUint16(2);
  }
  return undefined;
}

/** GIF89a: the logical screen, or the first image if it is larger, because decoders enlarge the screen for it. */
async function readGifDimensions(read: ReadAt): Promise<Dimensions | undefined> {
  const colours = (flags: number) => ((flags & 0x80) === 0 ? 0 : 3 * 2 ** ((flags & 7) + 1));
  const screen = await read(6, 7);
  let at = 13 + colours(screen.getUint8(4));
  for (let step = 0; step < maxParserSteps; step++) {
    const block = await read(at, 10);
    if (block.getUint8(0) === 0x2c) {
      return {
        width: Math.max(screen.getUint16(0, true), block.getUint16(1, true) + block.getUint16(5, true)),
        height: Math.max(screen.getUint16(2, true), block.getUint16(3, true) + block.getUint16(7, true)),
      };
    }
    if (block.getUint8(0) !== 0x21) return undefined;
    at += 2;
    // Sub-blocks, each preceded by its length, up to an empty one.
    for (let length = -1; length !== 0; step++) {
      if (step >= maxParserSteps) return undefined;
      length = (await read(at, 1)).getUint8(0);
      at += 1 + length;
    }
  }
  return undefined;
}

/** RFC 9649, section 2: the first chunk is one of three kinds. */
async function readWebpDimensions(read: ReadAt): Promise<Dimensions | undefined> {
  const head = await read(12, 18);
  const kind = readFourCC(head, 0);
  if (kind === 'VP8X') {
    const u24 = (at: number) => head.getUint16(at, true) + head.getUint8(at + 2) * 65_536;
    return { width: u24(12) + 1, height: u24(15) + 1 };
  }
  if (kind === 'VP8L' && head.getUint8(8) === 0x2f) {
    const bits = head.getUint32(9, true);
    return { width: (bits & 0x3fff) + 1, height: ((bits >>> 14) & 0x3fff) + 1 };
  }
  if (kind === 'VP8 ' && head.getUint8(11) === 0x9d && head.getUint16(12) === 0x012a) {
    return { width: head.getUint16(14, true) & 0x3fff, height: head.getUint16(16, true) & 0x3fff };
  }
  return undefined;
}

/**
 * BITMAPFILEHEADER and the header behind it (Windows, "Bitmap Header Types"): 16-bit fields in the oldest one; a
 * negative height if the rows begin at the top.
 */
async function readBmpDimensions(read: ReadAt): Promise<Dimensions | undefined> {
  return parseBmpHeader(await read(14, 16));
}

function parseBmpHeader(head: BytesView): Dimensions {
  return head.getUint32(0, true) === 12
    ? { width: head.getUint16(4, true), height: head.getUint16(6, true) }
    : { width: Math.abs(head.getInt32(4, true)), height: Math.abs(head.getInt32(8, true)) };
}

/**
 * Icons and cursors (Windows, "Icons"): the largest of their pictures. The directory has one byte per side, so each
 * picture is read: a PNG, or a bitmap whose height includes its mask.
 */
async function readIconDimensions(read: ReadAt): Promise<Dimensions | undefined> {
  const count = (await read(4, 2)).getUint16(0, true);
  if (count > maxIconPictures) return undefined;
  let found: Dimensions | undefined;
  for (let entry = 0; entry < count; entry++) {
    const at = (await read(6 + 16 * entry + 12, 4)).getUint32(0, true);
    const isPng = readFourCC(await read(at, 4), 0) === '\x89PNG';
    const next = isPng ? await readPngDimensions(async (start, length) => read(at + start, length)) : undefined;
    if (isPng && next === undefined) return undefined;
    found = largerOf(found, next ?? halfOf(parseBmpHeader(await read(at, 16))));
  }
  return found;
}

const halfOf = ({ width, height }: Dimensions): Dimensions => ({ width, height: Math.floor(height / 2) });

/**
 * AVIF and HEIF: `ispe` in `meta/iprp/ipco` (ISO/IEC 23008-12, section 6.5.3), and for sequences the tracks (ISO/IEC
 * 14496-12, sections 8.3.2 and 12.1.3). Takes the largest, because tiles, thumbnails and frames have entries there too.
 */
async function readHeifDimensions(read: ReadAt): Promise<Dimensions | undefined> {
  let found: Dimensions | undefined;
  for (let at = 0, step = 0; step < maxParserSteps; step++) {
    const head = await read(at, 16);
    if (head.byteLength < 8) break;
    const box = parseBoxHeader(head, at);
    if (box === undefined) break;
    const length = box.end - box.start;
    if (box.type === 'meta' || box.type === 'moov') {
      if (length > maxMetaBoxBytes) return undefined;
      const body = await read(box.start, length);
      found = largerOf(found, box.type === 'meta' ? findLargestItem(body) : findLargestTrack(body));
    }
    at = box.end;
  }
  return found;
}

function findLargestItem(meta: BytesView): Dimensions | undefined {
  let found: Dimensions | undefined;
  // `meta` is a full box: its version and flags precede its boxes.
  for (const { start } of boxesAt(meta, 4, 'iprp', 'ipco', 'ispe'))
    found = largerOf(found, { width: meta.getUint32(start + 4), height: meta.getUint32(start + 8) });
  return found;
}

function findLargestTrack(moov: BytesView): Dimensions | undefined {
  let found: Dimensions | undefined;
  // The fields are fixed-point numbers with 16 fraction bits, at the end of the box.
  for (const { end } of boxesAt(moov, 0, 'trak', 'tkhd'))
    found = largerOf(found, { width: moov.getUint16(end - 8), height: moov.getUint16(end - 4) });
  for (const { start, end } of boxesAt(moov, 0, 'trak', 'mdia', 'minf', 'stbl', 'stsd')) {
    for (const entry of boxesIn(moov, start + 8, end))
      found = largerOf(found, { width: moov.getUint16(entry.start + 24), height: moov.getUint16(entry.start + 26) });
  }
  return found;
}

const largerOf = (one: Dimensions | undefined, other: Dimensions | undefined): Dimensions | undefined =>
  one === undefined || (other !== undefined && other.width * other.height > one.width * one.height) ? other : one;
