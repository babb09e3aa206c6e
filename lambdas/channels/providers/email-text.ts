/** The text of an email: from bytes in any encoding, from HTML, and without quotations and signature. */
import { createContext, Script } from 'node:vm';
import EmailReplyParser from 'email-reply-parser';
import { htmlToText } from 'html-to-text';
import iconv from 'iconv-lite';

/** Encodings of iconv-lite that are not character sets. */
const notCharsets: ReadonlySet<string> = new Set(['base64', 'hex', 'binary']);

/**
 * Decodes a text. Unknown encodings are read as UTF-8, or as Windows-1252 if the bytes are not valid UTF-8, so that no
 * text is lost.
 * @param charset name of the encoding as the sender wrote it
 */
export function decodeText(bytes: Uint8Array, charset: string): string {
  const name = charset.trim().replace(/^"|"$/g, '');
  try {
    return new TextDecoder(name).decode(bytes);
  } catch {
    // TextDecoder has only the encodings of the web.
  }
  if (!notCharsets.has(name.toLowerCase()) && iconv.encodingExists(name)) return iconv.decode(Buffer.from(bytes), name);
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return new TextDecoder('windows-1252').decode(bytes);
  }
}

/**
 * Milliseconds for parsing one text. The parsers use regular expressions that take very long for texts that somebody
 * made for that purpose; a usual email takes a few milliseconds.
 */
const parseTimeoutMs = 1_000;
const runner = new Script('run()');

/** Runs a parser. Returns undefined if it takes too long or fails. */
function runLimited<T>(run: () => T): T | undefined {
  let result: T | undefined;
  const context = createContext({
    run: () => {
      result = run();
    },
  });
  try {
    runner.runInContext(context, { timeout: parseTimeoutMs });
    return result;
  } catch {
    return undefined;
  }
}

/** Characters of HTML that are converted. The text of a longer email is longer than the vault stores. */
const maxHtmlLength = 2_097_152;

/** Converts HTML to text. Links keep their address; images become their description. */
export function textOfHtml(html: string): string {
  const converted = runLimited(() =>
    htmlToText(html, {
      wordwrap: false,
      limits: { maxInputLength: maxHtmlLength, maxDepth: 200, maxChildNodes: 20_000 },
      selectors: [
        { selector: 'a', options: { hideLinkHrefIfSameAsText: true, ignoreHref: false, linkBrackets: ['<', '>'] } },
        { selector: 'img', format: 'skip' },
      ],
    }),
  );
  // Of HTML that is nested too deeply, only the mark of an omission is left.
  if (converted !== undefined && (html.trim() === '' || !/^[\s.]*$/.test(converted))) return converted.trim();
  // The simple conversion keeps every word, also of scripts and styles.
  return html
    .slice(0, maxHtmlLength)
    .replaceAll(/<[^<>]*>/g, ' ')
    .replaceAll(/\s+/g, ' ')
    .trim();
}

/** Characters of a text that are searched for quotations. Longer texts are cut off anyway. */
const maxParsedLength = 65_536;

export interface ReplyText {
  readonly text: string;
  /** The complete text, if something was removed. */
  readonly original?: string | undefined;
}

/**
 * Removes the quoted thread and the signature. Answers between quotations are kept. If nothing else is left, as in a
 * forwarded email, the complete text is kept.
 */
export function withoutQuotations(complete: string): ReplyText {
  const whole = complete.replaceAll('\r\n', '\n').trim();
  if (whole.length > maxParsedLength) return { text: whole };
  const visible = runLimited(() => new EmailReplyParser().read(whole).getVisibleText())?.trim();
  if (visible === undefined || visible === '' || visible === whole) return { text: whole };
  return { text: visible, original: whole };
}
