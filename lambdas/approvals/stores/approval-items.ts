/** Keys and form of the items of the table of approvals (docs/approvals.md, section 5). */
import { DecryptionError } from '../../../core/decryption-error.ts';
import { isKeyPart } from '../../../core/encoding/key-part.ts';
import { type Item, unmarshallItem, unmarshallReadable } from '../../shared/stores/dynamo-item-codec.ts';
import type { StoredApproval, StoredPointer } from '../approval-ports.ts';

export const keyId = (device: string): string => `k/${device}`;
export const personKeyId = (person: string): string => `h/${person}`;
export const pointerId = (asker: string): string => `p/${asker}`;
export const approvalId = (approval: string): string => `a/${approval}`;
export const questionPrefix = (device: string): string => `q/${device}/`;
export const questionId = (device: string, approval: string): string => `${questionPrefix(device)}${approval}`;

const bytesOf = (value: unknown): Uint8Array => {
  if (value instanceof Uint8Array) return value;
  throw new DecryptionError();
};
const countOf = (value: unknown): number => {
  if (value === undefined) return 0;
  if (typeof value === 'number' && Number.isSafeInteger(value)) return value;
  throw new DecryptionError();
};
const textsOf = (value: unknown): string[] =>
  value instanceof Set || Array.isArray(value) ? [...value].filter((one) => typeof one === 'string') : [];

/** @throws DecryptionError for another form */
export function parseApproval(item: Item): StoredApproval {
  const fields = unmarshallItem(item);
  const { id, statement, signature, earlier, devices, answer, shares, secret } = fields;
  const { uses, open, lastStart, starter, refusals } = fields;
  if (typeof id !== 'string' || typeof earlier !== 'string') throw new DecryptionError();
  return {
    approval: id.slice(approvalId('').length),
    statement: bytesOf(statement),
    signature: bytesOf(signature),
    earlier,
    // They become keys of items.
    devices: textsOf(devices).filter(isKeyPart),
    answer: answer === undefined ? undefined : bytesOf(answer),
    shares: shares === undefined ? undefined : bytesOf(shares),
    secret: typeof secret === 'string' ? secret : undefined,
    uses: countOf(uses),
    open: countOf(open),
    lastStart: countOf(lastStart),
    starter: typeof starter === 'string' ? starter : '',
    isUncertain: fields.uncertain === true,
    isWithdrawn: fields.withdrawn === true,
    refusals: textsOf(refusals),
  };
}

/** What a device signed. A damaged row has nothing, so that it can be replaced. */
export const signedOf = (item: Item): Uint8Array => item.signed?.B ?? new Uint8Array(0);

/** The wait does not grow with more questions than this. */
const maxMisses = 1_000;

const numberOf = (value: unknown): number => (typeof value === 'number' && Number.isSafeInteger(value) ? value : 0);

/** A damaged row is one of nothing, so that it does not block the key for ever. */
export function parsePointer(item: Item): StoredPointer {
  const { approval, details, asked, expires, misses } = unmarshallReadable(item);
  return {
    approval: typeof approval === 'string' ? approval : '',
    details: details instanceof Uint8Array ? details : new Uint8Array(0),
    ...{ asked: numberOf(asked), expires: numberOf(expires), misses: Math.min(numberOf(misses), maxMisses) },
  };
}
