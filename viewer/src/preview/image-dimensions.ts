/**
 * Reads the width and height of images before any decoder sees the file, because a few bytes can declare an image of
 * gigabytes.
 */
import type { DetectedFileType } from './file-type-detection.ts';

/** Larger images are only offered as a download: a decoded image needs four bytes per pixel. */
export const maxPixels = 100_000_000;

export interface Dimensions {
  readonly width: number;
  readonly height: number;
}

/** Maximum segments, blocks or boxes to skip before a file counts as malformed. */
const maxParserSteps = 1000;
/** Maximum length of an AVIF `meta` box, bytes. */
const maxMetaBoxBytes = 1_048_576;

type BytesView = DataView<ArrayBuffer>;
/** Reads up to `length` bytes at `start`; fewer at the end of the file. */
type ReadAt = (start: number, length: number) => Promise<BytesView>;

/** Reads the dimensions of the image; undefined if the file is malformed or has more than {@link maxPixels}. */
export async function readImageDimensions(
  file: Blob,
  { mediaType }: DetectedFileType,
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
  'image/avif': readAvifDimensions,
};

const readFourCC = (view: BytesView, at: number): string =>
  String.fromCharCode(view.getUint8(at), view.getUint8(at + 1), view.getUint8(at + 2), view.getUint8(at + 3));

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

interface Box {
  readonly type: string;
  readonly start: number;
  readonly end: number;
}

/**
 * The box at an offset (ISO/IEC 14496-12 section 4.2). Boxes with a 64-bit length or without a length are not needed
 * before `meta` in AVIF and are rejected.
 */
function boxAt(view: BytesView, at: number, place = at): Box | undefined {
  const length = view.getUint32(at);
  return length < 8 ? undefined : { type: readFourCC(view, at + 4), start: place + 8, end: place + length };
}

function* boxesIn(view: BytesView, start: number, end: number): Generator<Box> {
  for (let at = start, step = 0; at + 8 <= end && step < maxParserSteps; step++) {
    const box = boxAt(view, at);
    if (box === undefined || box.end > end) throw new RangeError('a box exceeds its parent box');
    yield box;
    at = box.end;
  }
}

/**
 * ISO/IEC 23008-12, section 6.5.3: `ispe` in `meta/iprp/ipco`. Takes the largest, because tiles and thumbnails have
 * entries there too.
 */
async function readAvifDimensions(read: ReadAt): Promise<Dimensions | undefined> {
  for (let at = 0, step = 0; step < maxParserSteps; step++) {
    const box = boxAt(await read(at, 8), 0, at);
    if (box === undefined) return undefined;
    if (box.type === 'meta') {
      const length = box.end - box.start;
      return length > maxMetaBoxBytes ? undefined : findLargestImage(await read(box.start, length));
    }
    at = box.end;
  }
  return undefined;
}

function findLargestImage(meta: BytesView): Dimensions | undefined {
  let found: Dimensions | undefined;
  const inside = [...boxesIn(meta, 4, meta.byteLength)].filter(({ type }) => type === 'iprp');
  const containers = inside.flatMap(({ start, end }) => [...boxesIn(meta, start, end)]);
  for (const container of containers.filter(({ type }) => type === 'ipco')) {
    for (const { type, start } of boxesIn(meta, container.start, container.end)) {
      if (type !== 'ispe') continue;
      const next = { width: meta.getUint32(start + 4), height: meta.getUint32(start + 8) };
      if (found === undefined || next.width * next.height > found.width * found.height) found = next;
    }
  }
  return found;
}
