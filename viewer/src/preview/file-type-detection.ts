/**
 * Detects a file's type from its first bytes only, ignoring the uploader's media type. Only the types listed here are
 * ever given to a decoder. Types that can contain scripts (SVG, HTML, PDF …) are not listed, so they cannot be shown as
 * documents by mistake.
 */

/** A file type that can be shown, if the browser can decode it. */
export interface DetectedFileType {
  readonly category: 'image' | 'media';
  /** The media type that browsers get. They detect the container themselves, so one type per decoder is sufficient. */
  readonly mediaType: string;
  /** Name for people. */
  readonly name: string;
}

/** Bytes needed for detection: one frame of AAC (13 bits of length) or MP3, and the header of the next. */
export const detectionLength = 8208;

const ascii = (head: Uint8Array, start: number, end: number): string =>
  String.fromCharCode(...head.subarray(start, end));

const image = (type: string, name = type.toUpperCase()): DetectedFileType => ({
  category: 'image',
  mediaType: `image/${type}`,
  name,
});
const media = (mediaType: string, name: string): DetectedFileType => ({ category: 'media', mediaType, name });

type Detector = (head: Uint8Array) => DetectedFileType | undefined;
const startsWith =
  (magic: string, type: DetectedFileType): Detector =>
  (head) =>
    ascii(head, 0, magic.length) === magic ? type : undefined;
const when =
  (matches: (head: Uint8Array) => boolean, type: DetectedFileType): Detector =>
  (head) =>
    matches(head) ? type : undefined;

/** The weakest patterns are last. */
const detectors: readonly Detector[] = [
  startsWith('\x89PNG\r\n\x1a\n', image('png')),
  startsWith('\xff\xd8\xff', image('jpeg')),
  startsWith('GIF87a', image('gif')),
  startsWith('GIF89a', image('gif')),
  when(isBmp, image('bmp')),
  detectRiff,
  when((head) => /^FORM....AIF[FC]$/s.test(ascii(head, 0, 12)), media('audio/aiff', 'AIFF')),
  detectIsoMedia,
  // QuickTime files from before 2001 have no brand and start with one of these boxes.
  when((head) => /^(?:moov|mdat|wide|free|skip|pnot)$/.test(ascii(head, 4, 8)), media('video/mp4', 'QuickTime')),
  detectMatroska,
  detectOgg,
  startsWith('fLaC', media('audio/flac', 'FLAC')),
  startsWith('caff', media('audio/x-caf', 'CAF')),
  when(isIcon, image('x-icon', 'ICO')),
  startsWith('ID3', media('audio/mpeg', 'MP3')),
  when(isMp3, media('audio/mpeg', 'MP3')),
  when(isAdts, media('audio/aac', 'AAC')),
];

/** The type of a file that starts with `head`; undefined if no browser shows it. */
export function detectFileType(head: Uint8Array): DetectedFileType | undefined {
  for (const detect of detectors) {
    const found = detect(head);
    if (found !== undefined) return found;
  }
  return undefined;
}

const u16le = (head: Uint8Array, at: number): number => (head[at] ?? 0) + 256 * (head[at + 1] ?? 0);

/** `BM`, two reserved fields of zero, and a known length of the second header (BITMAPCOREHEADER to BITMAPV5HEADER). */
function isBmp(head: Uint8Array): boolean {
  const isKnownHeader = [12, 40, 52, 56, 108, 124].includes(u16le(head, 14)) && u16le(head, 16) === 0;
  return ascii(head, 0, 2) === 'BM' && ascii(head, 6, 10) === '\0\0\0\0' && isKnownHeader;
}

/** Zero, type 1 (icon) or 2 (cursor), and at least one entry, whose reserved byte is zero. */
function isIcon(head: Uint8Array): boolean {
  const type = u16le(head, 2);
  return u16le(head, 0) === 0 && (type === 1 || type === 2) && u16le(head, 4) > 0 && head[9] === 0;
}

function detectRiff(head: Uint8Array): DetectedFileType | undefined {
  if (ascii(head, 0, 4) !== 'RIFF') return undefined;
  const form = ascii(head, 8, 12);
  if (form === 'WEBP') return image('webp', 'WebP');
  return form === 'WAVE' ? media('audio/wav', 'WAV') : undefined;
}

/** ISO/IEC 14496-12: the major brand, and the compatible brands, which matter if the major brand is a general one. */
function detectIsoMedia(head: Uint8Array): DetectedFileType | undefined {
  if (ascii(head, 4, 8) !== 'ftyp') return undefined;
  const end = Math.min((head[2] ?? 0) * 256 + (head[3] ?? 0), head.length);
  const major = ascii(head, 8, 12);
  const brands = [major];
  for (let at = 16; at + 4 <= end; at += 4) brands.push(ascii(head, at, at + 4));
  const has = (pattern: RegExp) => brands.some((brand) => pattern.test(brand));
  if (/^(?:avi[fos]|mif[12]|msf1|mia[fn]|hei[cmsx]|hev[cmsx])$/.test(major)) {
    // Sequences and single pictures have the same decoder.
    if (has(/^avi[fos]$/)) return image('avif');
    return has(/^he[iv]/) ? image('heic') : image('heif');
  }
  if (/^M4[ABP] $/.test(major)) return media('audio/mp4', major.trim());
  return media('video/mp4', major === 'qt  ' ? 'QuickTime' : 'MP4');
}

/** Matroska and WebM. Browsers play Matroska if they know its codecs. EBML element DocType: id 0x4282. */
function detectMatroska(head: Uint8Array): DetectedFileType | undefined {
  if (ascii(head, 0, 4) !== '\x1aE\xdf\xa3') return undefined;
  const header = ascii(head, 4, 64);
  if (/\x42\x82\x84webm/.test(header)) return media('video/webm', 'WebM');
  return /\x42\x82\x88matroska/.test(header) ? media('video/webm', 'Matroska') : undefined;
}

/** Classifies by the first page. Other streams (Skeleton, CMML …) are not played. */
function detectOgg(head: Uint8Array): DetectedFileType | undefined {
  if (ascii(head, 0, 4) !== 'OggS') return undefined;
  const page = ascii(head, 0, 512);
  const codecs = ['OpusHead', '\x01vorbis', '\x7fFLAC', 'Speex   ', '\x80theora'];
  return codecs.some((codec) => page.includes(codec)) ? media('video/ogg', 'Ogg') : undefined;
}

/**
 * Bit rates of layer III in kilobits per second, by index, for MPEG-1 and for MPEG-2 and 2.5 (ISO/IEC 11172-3,
 * 13818-3).
 */
const bitrates1 = [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320];
const bitrates2 = [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160];
const rates1 = [44_100, 48_000, 32_000];

/** Length of the layer III frame at an offset, bytes; 0 if there is none. */
function frameLength(head: Uint8Array, at: number): number {
  const [sync = 0, version = 0, rates = 0] = head.subarray(at, at + 3);
  if (sync !== 0xff || (version & 0xe6) !== 0xe2) return 0;
  // Version: 3 is MPEG-1, 2 is MPEG-2, 0 is MPEG-2.5.
  const mpeg = (version >> 3) & 3;
  const rate = (rates1[(rates >> 2) & 3] ?? 0) / (mpeg === 3 ? 1 : mpeg === 2 ? 2 : 4);
  const bitrate = (mpeg === 3 ? bitrates1 : bitrates2)[rates >> 4] ?? 0;
  if (mpeg === 1 || rate === 0 || bitrate === 0) return 0;
  return Math.floor(((mpeg === 3 ? 144 : 72) * bitrate * 1000) / rate) + ((rates >> 1) & 1);
}

/**
 * MP3 without a tag starts only with the 11 set bits of a frame header. That is too weak, so the next frame must start
 * where the first ends.
 */
function isMp3(head: Uint8Array): boolean {
  const length = frameLength(head, 0);
  return length > 0 && frameLength(head, length) > 0;
}

/** Length of the ADTS frame at an offset, bytes; 0 if there is none (ISO/IEC 13818-7, section 6.2). */
function adtsLength(head: Uint8Array, at: number): number {
  const [sync = 0, flags = 0, rate = 0, high = 0, middle = 0, low = 0] = head.subarray(at, at + 6);
  if (sync !== 0xff || (flags & 0xf6) !== 0xf0 || ((rate >> 2) & 15) > 12) return 0;
  const length = ((high & 3) << 11) | (middle << 3) | (low >> 5);
  return length > 7 ? length : 0;
}

/** As for MP3, two frames must follow each other. */
function isAdts(head: Uint8Array): boolean {
  const length = adtsLength(head, 0);
  return length > 0 && adtsLength(head, length) > 0;
}
