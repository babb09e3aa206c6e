/**
 * Validates and searches the JSON of memory records. The nesting depth is limited, and the traversal is not recursive.
 */
import { limits } from '../../contract/shared/limits.ts';
import { VaultError } from '../../contract/shared/vault-error.ts';

/**
 * Returns data as it will be read back from JSON, so that the compared, stored and returned data are the same.
 * @param data as returned by JSON.parse
 * @throws VaultError `invalid_request` if it would not survive the round trip or is nested too deeply;
 *   `record_too_large`
 */
export function validateRecordData(data: unknown): unknown {
  if (data === undefined) throw invalidDataError('is required');
  for (const { value, depth } of walkJson(data)) {
    if (depth > limits.recordDepth) throw invalidDataError(`is nested more than ${limits.recordDepth} levels deep`);
    // JSON.parse returns Infinity for 1e999, and JSON.stringify would turn that into null.
    if (typeof value === 'number' && !Number.isFinite(value))
      throw invalidDataError('contains a number that is out of range');
  }
  const text = JSON.stringify(data);
  const bytes = Buffer.byteLength(text, 'utf8');
  if (bytes > limits.recordBytes) {
    throw new VaultError('record_too_large', {
      detail: `The JSON has ${bytes} bytes. The limit is ${limits.recordBytes}.`,
    });
  }
  return JSON.parse(text);
}

const invalidDataError = (message: string) =>
  new VaultError('invalid_request', { errors: [{ path: 'data', message }] });

/** Normalizes a text for comparison: Unicode NFKC and simple lower case. */
export const foldCase = (text: string): string => text.normalize('NFKC').toLowerCase();

/** Whether any string or member name in the data contains a text. @param text as returned by {@link foldCase} */
export function containsText(data: unknown, text: string): boolean {
  for (const { value, name } of walkJson(data)) {
    if (typeof value === 'string' && foldCase(value).includes(text)) return true;
    if (name !== undefined && foldCase(name).includes(text)) return true;
  }
  return false;
}

/** The strings in the data and numbers as texts, without member names. */
export function* stringsIn(data: unknown): Generator<string, void, undefined> {
  for (const { value } of walkJson(data)) {
    if (typeof value === 'string') yield value;
    else if (typeof value === 'number') yield String(value);
  }
}

interface JsonNode {
  readonly value: unknown;
  /** Set for a member of an object. */
  readonly name?: string;
  /** 0 for a scalar outside of any array or object. An array or object counts as the first level. */
  readonly depth: number;
}

/** Yields a value and everything nested in it, lazily. */
function* walkJson(data: unknown): Generator<JsonNode> {
  const stack: JsonNode[] = [{ value: data, depth: 0 }];
  for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
    const { value } = node;
    const isNested = typeof value === 'object' && value !== null;
    const depth = isNested ? node.depth + 1 : node.depth;
    yield { ...node, depth };
    if (Array.isArray(value)) for (const item of value) stack.push({ value: item, depth });
    else if (isNested) for (const [name, member] of Object.entries(value)) stack.push({ value: member, name, depth });
  }
}
