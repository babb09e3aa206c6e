/** Keys and form of the items of the table of approvals (docs/approvals.md, section 5). */
import { DecryptionError } from '../../../core/decryption-error.ts';
import { type Item, unmarshallItem } from '../../shared/stores/dynamo-item-codec.ts';
import type { StoredApproval, StoredPersonKey, StoredPointer } from '../approval-ports.ts';

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
    devices: textsOf(devices),
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

/** @throws DecryptionError for another form */
export function parsePersonKey(item: Item): StoredPersonKey {
  const { edition, signed } = unmarshallItem(item);
  return { edition: countOf(edition), signed: bytesOf(signed) };
}

/** @throws DecryptionError for another form */
export function parsePointer(item: Item): StoredPointer {
  const { approval, details, asked, expires, misses } = unmarshallItem(item);
  if (typeof approval !== 'string') throw new DecryptionError();
  return {
    approval,
    details: bytesOf(details),
    asked: countOf(asked),
    expires: countOf(expires),
    misses: countOf(misses),
  };
}
