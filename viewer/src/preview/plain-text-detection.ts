/** Plain text: the one kind of file that has no magic bytes, and the only one of which the declared type is asked. */

/** Longest text that is shown, bytes. */
export const maxTextBytes = 1_048_576;

/** Controls but tab, line feed, form feed and carriage return; a byte order mark within is none. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const controlCharacters = /[\0-\x08\x0b\x0e-\x1f\x7f-\x9f]/;

/** Formats that are made of text and are not read as such. */
const nonPlainTextMagic = /^(?:%PDF-|%!PS|\{\\rtf)/;

/**
 * The text of a file; undefined unless its uploader said `text/plain` (with whatever parameters), it is UTF-8 without controls, and not too
 * long. It is for `textContent` alone: it may well be HTML.
 */
export async function readPlainText(file: Blob, declaredType: string): Promise<string | undefined> {
  const [essence = ''] = declaredType.split(';');
  if (essence.trim().toLowerCase() !== 'text/plain' || file.size > maxTextBytes) return undefined;
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(await file.arrayBuffer());
    return controlCharacters.test(text) || nonPlainTextMagic.test(text) ? undefined : text;
  } catch {
    return undefined;
  }
}
