/** Searches output for a secret, independently of the code that redacts it. */

/** Fragments with this number of characters count as the secret: each of them has a whole block. */
const fragment = 23;

/**
 * The encodings and fragments of a secret in a text or, if the text is JSON, in its strings. Empty if there are none.
 */
export function tracesOf(secret: string, text: string): string[] {
  const bytes = Buffer.from(secret);
  const base64 = [0, 1, 2].map((before) =>
    Buffer.concat([Buffer.alloc(before), bytes])
      .toString('base64')
      .replace(/=+$/, '')
      .slice(4, -2),
  );
  const fragments = Array.from({ length: Math.max(0, secret.length - fragment) + 1 }, (_, i) =>
    secret.slice(i, i + fragment),
  );
  const all = [
    secret,
    ...fragments,
    encodeURIComponent(secret),
    new URLSearchParams({ x: secret }).toString().slice(2),
    JSON.stringify(secret).slice(1, -1),
    bytes.toString('hex'),
    ...base64,
    ...base64.map((form) => form.replaceAll('+', '-').replaceAll('/', '_')),
  ];
  const texts = [text, ...strings(text)].map((one) => one.toLowerCase());
  const found = all.filter((form) => texts.some((one) => one.includes(form.toLowerCase())));
  // The text after decoding escapes repeatedly.
  const bare = texts.flatMap((one) => {
    const rounds = [one];
    for (let i = 0; i < 3; i++) rounds.push((rounds.at(-1) ?? '').replace(escapes, spelt).toLowerCase());
    return rounds;
  });
  return [...found, ...fragments.filter((form) => bare.some((one) => one.includes(form.toLowerCase())))];
}

const escapes = /%([0-9a-f]{2})|\\u00([0-9a-f]{2})|\\x([0-9a-f]{2})|&#x0*([0-9a-f]{2});?|&#0*(\d{2,3});?|\\(["'\\/])/g;

function spelt(_: string, ...groups: (string | undefined)[]): string {
  const [percent, unicode, byte, reference, decimal, escaped] = groups;
  if (escaped !== undefined) return escaped;
  const hex = percent ?? unicode ?? byte ?? reference;
  return String.fromCharCode(hex === undefined ? Number(decimal) : Number.parseInt(hex, 16));
}

/** All strings of a JSON text, including those of nested JSON texts. */
function strings(text: string): string[] {
  try {
    const found: string[] = [];
    JSON.parse(text, (_, value: unknown) => {
      if (typeof value === 'string') found.push(value, ...strings(value));
      return value;
    });
    return found;
  } catch {
    return [];
  }
}
