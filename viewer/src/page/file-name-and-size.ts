/** Names and sizes as they may stand on the page and in a folder. */

const maxNameBytes = 180;
const maxExtensionLength = 16;

/** Controls, bidi and other formatting, line separators, what has no meaning: nothing of it can be seen, and some of it turns text around. */
const invisibleCharacters = /[\p{C}\p{Zl}\p{Zp}]/gu;
/** What a file system would take for something else. */
const forbiddenCharacters = /[<>:"|?*/\\]/g;
/** Devices of Windows, with any extension. */
const windowsDeviceName = /^(?:con|prn|aux|nul|com\d|lpt\d|conin\$|conout\$)(?=\.|$)/i;

/**
 * A file name that is only a name: no path, no unseen characters, no device, at most 180 bytes of UTF-8. What a name claims after its
 * last dot is kept, since the one who saves the file wants to open it.
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

/** Bytes for people: `940 bytes`, `3.2 MB`. */
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
