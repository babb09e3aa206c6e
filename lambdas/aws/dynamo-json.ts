/**
 * DynamoDB's JSON: binary attributes (`B`, `BS`) are base64 text on the wire and bytes in the AWS SDK's types. Text in
 * `B` and `BS` occurs nowhere else: an attribute of that name has an object as value, and placeholders begin with `#`.
 */
import { parseJson } from './json-service.ts';

export const encodeDynamoJson = (input: object): string => JSON.stringify(input, encodeBytes);

/** JSON.stringify calls `toJSON` of a Buffer first, so the original value is read from `this`. */
function encodeBytes(this: Record<string, unknown>, key: string, value: unknown): unknown {
  if (typeof value !== 'object') return value;
  const original = this[key];
  return original instanceof Uint8Array ? toBase64(original) : value;
}

const toBase64 = ({ buffer, byteOffset, byteLength }: Uint8Array): string =>
  Buffer.from(buffer, byteOffset, byteLength).toString('base64');

/** @throws ExchangeError */
export function decodeDynamoJson(body: Buffer): object {
  const output = parseJson(body.toString());
  decodeBytes(output);
  return output;
}

function decodeBytes(value: object): void {
  for (const [key, part] of Object.entries(value)) {
    if (typeof part === 'object' && part !== null) {
      if (key === 'BS' && Array.isArray(part) && typeof part[0] === 'string') {
        (value as { BS: unknown }).BS = part.map(fromBase64);
      } else decodeBytes(part);
    } else if (key === 'B' && typeof part === 'string') (value as { B: unknown }).B = fromBase64(part);
  }
}

const fromBase64 = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'base64'));
