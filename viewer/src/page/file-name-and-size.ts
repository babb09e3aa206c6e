/** Formats file names and sizes for the page and the file system. */

const maxNameBytes = 180;
const maxExtensionLength = 16;

/**
 * Control, bidi and formatting characters, line separators, and unassigned characters: they are invisible, and some
 * reverse the text around them.
 */
const invisibleCharacters = /[\p{C}\p{Zl}\p{Zp}]/gu;
/** Characters that are special in file systems. */
const forbiddenCharacters = /[<>:"|?*/\\]/g;
/** Windows device names, with any extension. */
const windowsDeviceName = /^(?:con|prn|aux|nul|com\d|lpt\d|conin\$|conout\$)(?=\.|$)/i;

/**
 * Sanitizes a file name: no path, no invisible characters, no device name, at most 180 bytes of UTF-8. The extension
 * is kept, so that the saved file can be opened.
 */
export function sanitizeFileName(name: string): string {
  const last = name
    .split(/[/\\]/)
    .filter((part) => part.trim() !== '')
    .at(-1);
  const clean = (last ?? '')
    .toWellFormed()
    .normalize('NFC')
    .replace(/\s/g, ' ')
    .replace(invisibleCharacters, '')
    .replace(/ +/g, ' ')
    .replace(forbiddenCharacters, '_')
    .replace(/^[\s.]+|[\s.]+$/g, '');
  return shortenKeepingExtension(clean === '' ? 'file' : clean.replace(windowsDeviceName, '_$&'));
}

const utf8Length = (text: string): number => new TextEncoder().encode(text).length;

function shortenKeepingExtension(name: string): string {
  if (utf8Length(name) <= maxNameBytes) return name;
  const [extension = ''] = new RegExp(`\\.[^. ]{1,${maxExtensionLength}}$`, 'u').exec(name) ?? [];
  const stem = [...name.slice(0, name.length - extension.length)];
  while (utf8Length(stem.join('') + extension) > maxNameBytes) stem.length -= 1;
  return stem.join('').trimEnd() + extension;
}

const units = ['bytes', 'kB', 'MB', 'GB', 'TB'] as const;

/** Formats a byte count for people: `940 bytes`, `3.2 MB`. */
export function formatByteSize(bytes: number): string {
  if (bytes === 1) return '1 byte';
  let value = bytes;
  let unit = 0;
  // 999.95 would be rounded to 1000.0.
  while (value >= 999.95 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit]}`;
}
