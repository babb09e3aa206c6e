/** The JSON that records hold: what may be stored, and whether a text is in it. Depth is bounded, yet no walk here recurses. */
import { limits } from '../../contract/shared/limits.ts';
import { VaultError } from '../../contract/shared/vault-error.ts';

/**
 * Returns data as JSON gives it back, so that what is compared and stored is what will be read.
 * @param data as JSON.parse made it
 * @throws VaultError `invalid_request` when it would not come back the same, or is nested too deep; `record_too_large`
 */
export function validateRecordData(data: unknown): unknown {
  if (data === undefined) throw invalidDataError('is required');
  for (const { value, depth } of walkJson(data)) {
    if (depth > limits.recordDepth) throw invalidDataError(`is nested more than ${limits.recordDepth} deep`);
    // JSON.parse makes Infinity of 1e999, which JSON.stringify would turn into null.
    if (typeof value === 'number' && !Number.isFinite(value))
      throw invalidDataError('holds a number that is out of range');
  }
  const text = JSON.stringify(data);
  const bytes = Buffer.byteLength(text, 'utf8');
  if (bytes > limits.recordBytes) {
    throw new VaultError('record_too_large', {
      detail: `Its JSON has ${bytes} bytes; at most ${limits.recordBytes} are stored.`,
    });
  }
  return JSON.parse(text);
}

const invalidDataError = (message: string) =>
  new VaultError('invalid_request', { errors: [{ path: 'data', message }] });

/** As texts are compared: in Unicode's form NFKC, by simple lower case. */
export const foldCase = (text: string): string => text.normalize('NFKC').toLowerCase();

/** Whether any string in the data, or the name of any member, contains a text. @param text folded */
export function containsText(data: unknown, text: string): boolean {
  for (const { value, name } of walkJson(data)) {
    if (typeof value === 'string' && foldCase(value).includes(text)) return true;
    if (name !== undefined && foldCase(name).includes(text)) return true;
  }
  return false;
}

interface JsonNode {
  readonly value: unknown;
  /** Of a member of an object. */
  readonly name?: string;
  /** 0 for what stands in no list or object; a list or object counts as the first level. */
  readonly depth: number;
}

/** A value and all that is in it. What a caller stops asking for is not walked. */
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
