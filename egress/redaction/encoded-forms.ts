/** The forms in which programs print a value: the value itself and its common encodings. */

/** Shorter values are not masked, because they would match everywhere. Characters for values, bytes for forms. */
export const minMaskedLength = 4;
/** Shortest line of a multi-line value that is masked on its own, characters. */
const minMaskedLineLength = 8;

export interface FormOptions {
  /** Also includes forms with every character escaped, which are used to evade filters. */
  readonly includeFullyEscaped?: boolean | undefined;
}

/** Whether a value is long enough to be masked. */
export const isMaskable = (value: string): boolean => [...value].length >= minMaskedLength;

/** All distinct forms of a value, as bytes. */
export function encodedFormsOf(value: string, { includeFullyEscaped = false }: FormOptions = {}): Buffer[] {
  if (!isMaskable(value)) return [];
  // Programs strip surrounding white space from a value, or the last line end of a key.
  const variants = [value, value.trim()].filter(isMaskable);
  const texts = new Set(variants.flatMap((text) => textForms(text, includeFullyEscaped)));
  return [...texts].map((text) => Buffer.from(text, 'utf8')).filter(({ length }) => length >= minMaskedLength);
}

function textForms(value: string, hostile: boolean): string[] {
  const bytes = Buffer.from(value, 'utf8');
  return [
    value,
    ...lineForms(value),
    ...hexForms(bytes),
    ...base64Forms(bytes),
    ...urlForms(bytes),
    ...jsonForms(value),
    ...htmlForms(value),
    ...(hostile ? fullyEscapedForms(value, bytes) : []),
  ];
}

/** Single lines: programs print a key line by line, indented or with other line ends. */
function lineForms(value: string): string[] {
  const lines = value.split(/\r\n|\r|\n/);
  if (lines.length === 1) return [];
  // A terminal turns each line feed into a carriage return and a line feed.
  const whole = ['\n', '\r\n'].map((end) => lines.join(end));
  return [...whole, ...lines.map((line) => line.trim()).filter(({ length }) => length >= minMaskedLineLength)];
}

const hexForms = (bytes: Buffer): string[] => [bytes.toString('hex'), bytes.toString('hex').toUpperCase()];

/**
 * Base64 (RFC 4648 sections 4 and 5). In longer data a value can start at three offsets within a three-byte group. The
 * forms contain the characters that depend only on the value, and, where it ends the data, also the last characters
 * with and without padding.
 */
function base64Forms(bytes: Buffer): string[] {
  const forms: string[] = [];
  for (const before of [0, 1, 2]) {
    const padded = Buffer.concat([Buffer.alloc(before), bytes]).toString('base64');
    const whole = padded.replace(/=+$/, '');
    // The bytes before the value fill as many 6-bit characters and part of the next one. That character, and the
    // last one of the value, can also contain bits of an adjacent byte.
    const start = before === 0 ? 0 : before + 1;
    const determined = Math.floor(((before + bytes.length) * 8) / 6);
    const ends = [whole.slice(start, determined), whole.slice(start), padded.slice(start)];
    forms.push(...ends, ...(before === 0 ? ends.flatMap(lineWrappedForms) : []));
  }
  return forms.flatMap((form) => [form, form.replaceAll('+', '-').replaceAll('/', '_')]);
}

/** Line-wrapped as in PEM (RFC 7468) and MIME (RFC 2045); `base64` prints the latter. */
function lineWrappedForms(text: string): string[] {
  return [64, 76]
    .filter((width) => text.length > width)
    .flatMap((width) => ['\n', '\r\n'].map((end) => text.replace(new RegExp(`.{${width}}(?=.)`, 'g'), `$&${end}`)));
}

/** Characters besides letters and digits that URL encoders leave unescaped. */
const unescapedByEncoders = [
  '-_.~', // RFC 3986 section 2.3: request signers and curl
  '-_.~/', // Python's quote
  "-_.!~*'()", // encodeURIComponent
  "-_.!~*'();/?:@&=+$,#", // encodeURI
  '*-._', // application/x-www-form-urlencoded of browsers
];

/** Percent-encoding (RFC 3986 section 2.1) with upper- and lower-case hexadecimal digits, and with `+` for a space. */
function urlForms(bytes: Buffer): string[] {
  return unescapedByEncoders.flatMap((left) => {
    const form = (upper: boolean, space: string) =>
      Array.from(bytes, (byte) => {
        const character = String.fromCharCode(byte);
        if (byte === 0x20) return space;
        return /[A-Za-z0-9]/.test(character) || left.includes(character) ? character : percentEncode(byte, upper);
      }).join('');
    return [form(true, '%20'), form(true, '+'), form(false, '%20'), form(false, '+')];
  });
}

function percentEncode(byte: number, upper: boolean): string {
  const digits = byte.toString(16).padStart(2, '0');
  return `%${upper ? digits.toUpperCase() : digits}`;
}

/** Characters that some JSON writers escape beyond RFC 8259 section 7: for HTML, or to stay within ASCII. */
const jsonEscaped: readonly RegExp[] = [
  /[<>&\u2028\u2029]/,
  /[<>&'"\u2028\u2029]/,
  /[\u007f-\uffff]/,
  /[<>&\u007f-\uffff]/,
  /[<>&'"\u007f-\uffff]/,
];

/** JSON strings without their quotes, also nested in another JSON string. */
function jsonForms(value: string): string[] {
  const plain = JSON.stringify(value).slice(1, -1);
  const forms = jsonEscaped
    .filter((characters) => plain.search(characters) >= 0)
    .flatMap((characters) => [
      withEscapedCharacters(plain, characters, true),
      withEscapedCharacters(plain, characters, false),
    ]);
  return [plain, ...forms]
    .flatMap((form) => [form, form.replaceAll('/', '\\/')])
    .concat(JSON.stringify(plain).slice(1, -1));
}

/** A JSON string with these characters also escaped as \uXXXX. Existing escapes are kept, except `\"`. */
function withEscapedCharacters(plain: string, characters: RegExp, upper: boolean): string {
  return plain.replace(/\\[\s\S]|[\s\S]/g, (part) => {
    const character = part === '\\"' ? '"' : part;
    return character.length === 1 && character.search(characters) === 0 ? unicodeEscape(character, upper) : part;
  });
}

/** A UTF-16 unit as \uXXXX. */
function unicodeEscape(character: string, upper: boolean): string {
  const digits = character.charCodeAt(0).toString(16).padStart(4, '0');
  return `\\u${upper ? digits.toUpperCase() : digits}`;
}

/** HTML text and attributes, with each common spelling of quotes. */
function htmlForms(value: string): string[] {
  const text = value.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
  const quotes = ['"', '&quot;', '&#34;', '&#x22;'];
  const apostrophes = ["'", '&#39;', '&#x27;', '&#039;', '&apos;'];
  return quotes.flatMap((quote) => apostrophes.map((mark) => text.replaceAll('"', quote).replaceAll("'", mark)));
}

/** Every byte percent-encoded; every UTF-16 unit as \uXXXX; every character as an HTML reference. */
function fullyEscapedForms(value: string, bytes: Buffer): string[] {
  const points = Array.from(value, (character) => character.codePointAt(0) ?? 0);
  const both = (form: (upper: boolean) => string) => [form(true), form(false)];
  return [
    ...both((upper) => Array.from(bytes, (byte) => percentEncode(byte, upper)).join('')),
    ...both((upper) =>
      value
        .split('')
        .map((unit) => unicodeEscape(unit, upper))
        .join(''),
    ),
    points.map((point) => `&#${point};`).join(''),
    ...both((upper) => points.map((p) => `&#x${upper ? p.toString(16).toUpperCase() : p.toString(16)};`).join('')),
  ];
}
