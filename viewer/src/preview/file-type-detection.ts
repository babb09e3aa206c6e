/**
 * Detects a file's type from its first bytes only, ignoring the uploader's media type. Only the types listed here are
 * ever shown. Types that can contain scripts (SVG, HTML, PDF …) are not listed, so they cannot be shown by mistake.
 */

/** A file type that can be shown, and the media type it is shown with. */
export interface DetectedFileType {
  readonly category: 'image' | 'video' | 'audio';
  readonly mediaType: string;
}

/** Bytes needed for detection: one MP3 frame and the header of the next. */
export const detectionLength = 8192;

const ascii = (head: Uint8Array, start: number, end: number): string =>
  String.fromCharCode(...head.subarray(start, end));

const image = (type: string): DetectedFileType => ({ category: 'image', mediaType: `image/${type}` });
const video = (type: string): DetectedFileType => ({ category: 'video', mediaType: `video/${type}` });
const audio = (type: string): DetectedFileType => ({ category: 'audio', mediaType: `audio/${type}` });

/** The type of a file that starts with `head`; undefined if the file is only offered as a download. */
export function detectFileType(head: Uint8Array): DetectedFileType | undefined {
  const four = ascii(head, 0, 4);
  if (ascii(head, 0, 8) === '\x89PNG\r\n\x1a\n') return image('png');
  if (four.startsWith('\xff\xd8\xff')) return image('jpeg');
  if (/^GIF8[79]a$/.test(ascii(head, 0, 6))) return image('gif');
  if (four === 'RIFF') return detectRiff(ascii(head, 8, 12));
  if (ascii(head, 4, 8) === 'ftyp') return detectIsoMedia(ascii(head, 8, 12));
  if (four === '\x1aE\xdf\xa3') return detectMatroska(ascii(head, 4, 64));
  if (four === 'OggS') return detectOgg(ascii(head, 0, 512));
  if (four === 'fLaC') return audio('flac');
  if (four.startsWith('ID3') || isMp3(head)) return audio('mpeg');
  return undefined;
}

function detectRiff(form: string): DetectedFileType | undefined {
  if (form === 'WEBP') return image('webp');
  return form === 'WAVE' ? audio('wav') : undefined;
}

/**
 * ISO/IEC 14496-12, by major brand. AVIF sequences (`avis`) are excluded, because their frames may be larger than the
 * image whose dimensions are read. HEIF and QuickTime are excluded, because few browsers show them.
 */
function detectIsoMedia(brand: string): DetectedFileType | undefined {
  if (brand === 'avif') return image('avif');
  if (/^M4[AB] $/.test(brand)) return audio('mp4');
  return /^(?:iso[2-9m]|mp4[12]|avc1|dash|M4V[ HP]|MSNV|3gp[4-7])$/.test(brand) ? video('mp4') : undefined;
}

/** Only WebM among EBML documents: element DocType, id 0x4282. */
const detectMatroska = (header: string): DetectedFileType | undefined =>
  /\x42\x82\x84webm/.test(header) ? video('webm') : undefined;

/** Classifies by the first page: Theora is video. Other streams (Skeleton, CMML …) are not played. */
function detectOgg(page: string): DetectedFileType | undefined {
  if (page.includes('\x80theora')) return video('ogg');
  const codecs = ['OpusHead', '\x01vorbis', '\x7fFLAC', 'Speex   '];
  return codecs.some((codec) => page.includes(codec)) ? audio('ogg') : undefined;
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
