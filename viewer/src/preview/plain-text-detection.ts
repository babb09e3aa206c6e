/** Plain text: the only kind of file without magic bytes, and the only kind for which the declared type is used. */

/** Maximum size of a text that is shown, bytes. */
export const maxTextBytes = 1_048_576;

/**
 * Control characters other than tab, line feed, form feed and carriage return. A byte order mark within the text is not
 * a control character.
 */
// biome-ignore lint/suspicious/noControlCharactersInRegex: the pattern matches these characters on purpose
const controlCharacters = /[\0-\x08\x0b\x0e-\x1f\x7f-\x9f]/;

/** Text-based formats that are not plain text. */
const nonPlainTextMagic = /^(?:%PDF-|%!PS|\{\\rtf)/;

/**
 * The text of a file; undefined unless the uploader declared `text/plain` (with any parameters) and it is UTF-8
 * without control characters and not too long. Use it only with `textContent`, because it may be HTML.
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
