/**
 * What a file is, by its first bytes alone: what its uploader says of it is not asked. Only what is listed here is ever shown; whatever can
 * hold script (SVG, HTML, PDF …) is not, so it can't be shown by mistake.
 */

/** What is known of a file that a browser may show, and the media type it is shown as. */
export interface DetectedFileType {
  readonly category: 'image' | 'video' | 'audio';
  readonly mediaType: string;
}

/** As many bytes from the beginning as it takes: a frame of MP3 and the next one's header. */
export const detectionLength = 8192;

const ascii = (head: Uint8Array, start: number, end: number): string =>
  String.fromCharCode(...head.subarray(start, end));

const image = (type: string): DetectedFileType => ({ category: 'image', mediaType: `image/${type}` });
const video = (type: string): DetectedFileType => ({ category: 'video', mediaType: `video/${type}` });
const audio = (type: string): DetectedFileType => ({ category: 'audio', mediaType: `audio/${type}` });

/** The kind of a file that begins with `head`; undefined for all that is to be offered as a download. */
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
 * ISO/IEC 14496-12, by major brand. Sequences of AVIF (`avis`) are left out, since their frames may be larger than the picture whose
 * dimensions are read; so are HEIF and QuickTime, which few browsers show.
 */
function detectIsoMedia(brand: string): DetectedFileType | undefined {
  if (brand === 'avif') return image('avif');
  if (/^M4[AB] $/.test(brand)) return audio('mp4');
  return /^(?:iso[2-9m]|mp4[12]|avc1|dash|M4V[ HP]|MSNV|3gp[4-7])$/.test(brand) ? video('mp4') : undefined;
}

/** Of EBML documents only WebM: element DocType, id 0x4282. */
const detectMatroska = (header: string): DetectedFileType | undefined =>
  /\x42\x82\x84webm/.test(header) ? video('webm') : undefined;

/** What the first page holds: Theora alone is moving pictures. Other streams (Skeleton, CMML …) are not played. */
function detectOgg(page: string): DetectedFileType | undefined {
  if (page.includes('\x80theora')) return video('ogg');
  const codecs = ['OpusHead', '\x01vorbis', '\x7fFLAC', 'Speex   '];
  return codecs.some((codec) => page.includes(codec)) ? audio('ogg') : undefined;
}

/** Kilobits a second of layer III, by index, for MPEG-1 and for MPEG-2 and 2.5 (ISO/IEC 11172-3, 13818-3). */
const bitrates1 = [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320];
const bitrates2 = [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160];
const rates1 = [44_100, 48_000, 32_000];

/** Bytes of the frame of layer III that begins there; 0 for anything else. */
function frameLength(head: Uint8Array, at: number): number {
  const [sync = 0, version = 0, rates = 0] = head.subarray(at, at + 3);
  if (sync !== 0xff || (version & 0xe6) !== 0xe2) return 0;
  // 3 for MPEG-1, 2 for MPEG-2, 0 for MPEG-2.5.
  const mpeg = (version >> 3) & 3;
  const rate = (rates1[(rates >> 2) & 3] ?? 0) / (mpeg === 3 ? 1 : mpeg === 2 ? 2 : 4);
  const bitrate = (mpeg === 3 ? bitrates1 : bitrates2)[rates >> 4] ?? 0;
  if (mpeg === 1 || rate === 0 || bitrate === 0) return 0;
  return Math.floor(((mpeg === 3 ? 144 : 72) * bitrate * 1000) / rate) + ((rates >> 1) & 1);
}

/** MP3 without a tag has no magic but the 11 set bits of a frame, too few for one: the next frame must stand where it ends. */
function isMp3(head: Uint8Array): boolean {
  const length = frameLength(head, 0);
  return length > 0 && frameLength(head, length) > 0;
}
