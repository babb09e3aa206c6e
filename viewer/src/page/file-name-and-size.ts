/** Names and sizes as they may stand on the page and in a folder. */

const longestName = 180;
const longestExtension = 16;

/** Controls, bidi and other formatting, line separators, what has no meaning: nothing of it can be seen, and some of it turns text around. */
const unseen = /[\p{C}\p{Zl}\p{Zp}]/gu;
/** What a file system would take for something else. */
const notInNames = /[<>:"|?*/\\]/g;
/** Devices of Windows, with any extension. */
const device = /^(?:con|prn|aux|nul|com\d|lpt\d|conin\$|conout\$)(?=\.|$)/i;

/**
 * A file name that is only a name: no path, no unseen characters, no device, at most 180 bytes of UTF-8. What a name claims after its
 * last dot is kept, since the one who saves the file wants to open it.
 */
export function safeName(name: string): string {
  const last = name
    .split(/[/\\]/)
    .filter((part) => part.trim() !== '')
    .at(-1);
  const clean = (last ?? '')
    .toWellFormed()
    .normalize('NFC')
    .replace(/\s/g, ' ')
    .replace(unseen, '')
    .replace(/ +/g, ' ')
    .replace(notInNames, '_')
    .replace(/^[\s.]+|[\s.]+$/g, '');
  return shortened(clean === '' ? 'file' : clean.replace(device, '_$&'));
}

const bytesOf = (text: string): number => new TextEncoder().encode(text).length;

function shortened(name: string): string {
  if (bytesOf(name) <= longestName) return name;
  const [extension = ''] = new RegExp(`\\.[^. ]{1,${longestExtension}}$`, 'u').exec(name) ?? [];
  const stem = [...name.slice(0, name.length - extension.length)];
  while (bytesOf(stem.join('') + extension) > longestName) stem.length -= 1;
  return stem.join('').trimEnd() + extension;
}

const units = ['bytes', 'kB', 'MB', 'GB', 'TB'] as const;

/** Bytes for people: `940 bytes`, `3.2 MB`. */
export function sizeText(bytes: number): string {
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
