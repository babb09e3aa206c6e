/**
 * Files that try to be executed, to be misidentified, or to exhaust memory. If any part of a file is executed, it is
 * detected.
 */
import { avifHead, gif, joined, latin, png, pngMagic, u16, u16le, u32, u32le, utf8, wav } from './sample-files.ts';

export interface HostileFile {
  readonly what: string;
  readonly content: Uint8Array<ArrayBuffer>;
  readonly type?: string;
  readonly name?: string;
  /** The expected display: a picture, text, sound, or a download. */
  readonly shown: 'img' | 'pre' | 'audio' | 'file';
}

const script = `document.documentElement.dataset.pwned=1;alert(1);open('https://evil.test/w');fetch('https://evil.test/f')`;
const markup = `<script>${script}</script><img src="https://evil.test/i" onerror="${script}"><iframe src="https://evil.test/p"></iframe>`;
const html = utf8(`<!doctype html><meta http-equiv="refresh" content="0;url=https://evil.test/m">${markup}`);
const svgText = `<svg xmlns="http://www.w3.org/2000/svg" onload="${script.replaceAll('&', '&amp;')}"><script>${script}</script><image href="https://evil.test/s"/></svg>`;
const svg = utf8(svgText);
const xhtml = utf8(`<?xml version="1.0"?><html xmlns="http://www.w3.org/1999/xhtml"><script>${script}</script></html>`);
const pdf = utf8(`%PDF-1.7\n1 0 obj<</Type/Catalog/OpenAction<</S/JavaScript/JS(${script})>>>>endobj\n%%EOF`);
const js = utf8(script);
const picture = png(4, 4);
const gifJs = joined(latin('GIF89a/*'), latin('*/=1;'), js);
const mime = 'multipart/related; boundary="b"';
const mhtml = utf8(`MIME-Version: 1.0\r\nContent-Type: ${mime}\r\n\r\n--b\r\nContent-Type: text/html\r\n\r\n${markup}`);
const jpegFrame = (width: number, height: number) =>
  joined(latin('\xff\xd8\xff\xc0'), u16(17), Uint8Array.of(8), u16(height), u16(width), new Uint8Array(12), html);
const riff = (...parts: Uint8Array[]) => joined(latin('RIFF'), u32le(100), latin('WEBP'), ...parts, html);
const zip = joined(latin('PK\x03\x04'), new Uint8Array(26), utf8('x.html'), html);

const names = [
  ['markup', `"><img src=x onerror=${script}>.png`],
  ['a script', '<script>document.documentElement.dataset.pwned=1</script>'],
  ['a text that is turned around', 'holiday\u202Egnp.exe'],
  ['isolates and marks', '\u2066a\u2069\u200F\u200E\u061Cb.txt'],
  ['a path', '../../../../etc/passwd'],
  ['a path of Windows', 'C:\\Windows\\..\\autoexec.bat'],
  ['controls', 'a\0b\x1b[31mc\r\nSet-Cookie: x=1'],
  ['a device', 'con.png'],
  ['nothing but dots', '..'],
  ['too much', `${'x'.repeat(800)}.png`],
] as const;

export const hostile: readonly HostileFile[] = [
  // Documents with their real types and names.
  { what: 'HTML', content: html, type: 'text/html', name: 'a.html', shown: 'pre' },
  { what: 'XHTML', content: xhtml, type: 'application/xhtml+xml', name: 'a.xhtml', shown: 'pre' },
  { what: 'SVG', content: svg, type: 'image/svg+xml', name: 'a.svg', shown: 'pre' },
  { what: 'PDF', content: pdf, type: 'application/pdf', name: 'a.pdf', shown: 'file' },
  { what: 'JavaScript', content: js, type: 'text/javascript', name: 'a.js', shown: 'pre' },
  {
    what: 'XML with a stylesheet',
    content: joined(utf8('<?xml-stylesheet href="https://evil.test/x"?>'), xhtml),
    type: 'text/xml',
    shown: 'pre',
  },
  { what: 'MHTML', content: mhtml, type: 'multipart/related', name: 'a.mhtml', shown: 'pre' },
  { what: 'a ZIP with HTML', content: zip, type: 'application/zip', name: 'a.zip', shown: 'file' },
  // Documents that claim to be pictures, sound or text.
  { what: 'HTML as image/png', content: html, type: 'image/png', name: 'a.png', shown: 'pre' },
  { what: 'XHTML as image/gif', content: xhtml, type: 'image/gif', name: 'a.gif', shown: 'pre' },
  { what: 'SVG as image/png', content: svg, type: 'image/png', name: 'a.png', shown: 'pre' },
  { what: 'SVG as image/webp', content: svg, type: 'image/webp', name: 'a.webp', shown: 'pre' },
  { what: 'SVG behind a byte order mark', content: utf8(`\uFEFF${svgText}`), type: 'image/avif', shown: 'pre' },
  {
    what: 'SVG behind white space',
    content: utf8(`\n\n  ${svgText}`),
    type: 'image/jpeg',
    name: 'a.jpg',
    shown: 'pre',
  },
  { what: 'PDF as image/jpeg', content: pdf, type: 'image/jpeg', name: 'a.jpg', shown: 'file' },
  { what: 'PDF as text/plain', content: pdf, type: 'text/plain', name: 'a.txt', shown: 'file' },
  { what: 'JavaScript as image/gif', content: js, type: 'image/gif', name: 'a.gif', shown: 'pre' },
  { what: 'HTML as video/mp4', content: html, type: 'video/mp4', name: 'a.mp4', shown: 'pre' },
  { what: 'HTML as audio/mpeg', content: html, type: 'audio/mpeg', name: 'a.mp3', shown: 'pre' },
  { what: 'HTML as text/plain', content: html, type: 'text/plain', name: 'a.txt', shown: 'pre' },
  { what: 'SVG as text/plain', content: svg, type: 'text/plain', name: 'a.txt', shown: 'pre' },
  {
    what: 'HTML in UTF-16 as text/plain',
    content: new Uint8Array(Buffer.from(`\uFEFF${markup}`, 'utf16le')),
    type: 'text/plain',
    shown: 'pre',
  },
  {
    what: 'HTML in UTF-7 as text/plain',
    content: utf8('+ADw-script+AD4-alert(1)+ADw-/script+AD4-'),
    type: 'text/plain;charset=utf-7',
    shown: 'pre',
  },
  {
    what: 'text with terminal escapes',
    content: utf8('\x1b]8;;https://evil.test\x07x'),
    type: 'text/plain',
    shown: 'pre',
  },
  // Invalid types.
  { what: 'HTML with parameters', content: html, type: 'text/plain, text/html', shown: 'pre' },
  { what: 'HTML with a second type', content: html, type: 'image/png; text/html', shown: 'pre' },
  {
    what: 'HTML with a header in its type',
    content: html,
    type: 'image/png\r\nContent-Type: text/html',
    shown: 'pre',
  },
  { what: 'a type with markup', content: picture, type: `"><script>${script}</script>`, shown: 'img' },
  // Polyglots: files that are valid in more than one format.
  { what: 'GIF and JavaScript', content: gifJs, type: 'image/gif', name: 'a.png', shown: 'file' },
  {
    what: 'a whole GIF with HTML behind',
    content: joined(gif(2, 2, [9, 9, 9]), html),
    type: 'text/html',
    name: 'a.html',
    shown: 'img',
  },
  { what: 'PNG with HTML behind', content: joined(picture, html), type: 'text/html', name: 'a.html', shown: 'img' },
  { what: 'PNG with SVG behind', content: joined(picture, svg), type: 'image/svg+xml', name: 'a.svg', shown: 'img' },
  {
    what: 'HTML with the magic of PNG',
    content: joined(pngMagic, html),
    type: 'image/png',
    name: 'a.png',
    shown: 'file',
  },
  {
    what: 'HTML with the header of PNG',
    content: joined(picture.subarray(0, 33), html),
    type: 'image/png',
    shown: 'file',
  },
  {
    what: 'HTML with the magic of JPEG',
    content: joined(latin('\xff\xd8\xff'), html),
    type: 'image/jpeg',
    shown: 'file',
  },
  { what: 'HTML in a frame of JPEG', content: jpegFrame(10, 10), type: 'image/jpeg', shown: 'file' },
  { what: 'HTML in WebP', content: riff(latin('VP8L'), u32le(50), Uint8Array.of(0x2f, 0, 0, 0, 0)), shown: 'file' },
  { what: 'HTML behind the boxes of AVIF', content: joined(avifHead([10, 10]), html), shown: 'file' },
  { what: 'HTML behind the boxes of MP4', content: joined(u32(16), latin('ftypisom'), u32(0), html), shown: 'file' },
  {
    what: 'HTML behind a tag of MP3',
    content: joined(latin('ID3\x03\0\0\0\0\0\0'), html),
    type: 'audio/mpeg',
    shown: 'file',
  },
  { what: 'WAV with HTML behind', content: joined(wav(), html), type: 'text/html', name: 'a.html', shown: 'audio' },
  // Pictures that would exhaust memory.
  {
    what: 'PNG of 65,000 by 65,000',
    content: png(4, 4, undefined, [65_000, 65_000]),
    type: 'image/png',
    shown: 'file',
  },
  { what: 'PNG of no width', content: png(4, 4, undefined, [0, 4]), type: 'image/png', shown: 'file' },
  { what: 'JPEG of 65,535 by 65,535', content: jpegFrame(65_535, 65_535), type: 'image/jpeg', shown: 'file' },
  {
    what: 'AVIF of 4,294,967,295 squared',
    content: joined(avifHead([1, 1], [2 ** 32 - 1, 2 ** 32 - 1]), html),
    shown: 'file',
  },
  {
    what: 'WebP of 16,777,216 squared',
    content: riff(latin('VP8X'), u32le(10), new Uint8Array(4).fill(0), new Uint8Array(6).fill(255)),
    shown: 'file',
  },
  {
    what: 'GIF with a picture beyond its screen',
    content: joined(
      gif(2, 2, [1, 1, 1]).subarray(0, 397),
      Uint8Array.of(0x2c),
      u16le(0),
      u16le(0),
      u16le(65_535),
      u16le(65_535),
      html,
    ),
    shown: 'file',
  },
  // Names.
  ...names.map(
    ([what, name]) =>
      ({ what: `a name with ${what}`, content: picture, type: 'image/png', name, shown: 'img' }) as const,
  ),
];
