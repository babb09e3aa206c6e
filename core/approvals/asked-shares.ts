/** What a question asks for beside the answer: sealed shares of values (docs/format-approvals.md, section 2). */
import { type Bytes, encodeFieldBytes, equalBytes, u32Bytes } from '../encoding/bytes.ts';
import { decodeFieldBytes, decodeTextField, decodeU32Field, fieldOfLength } from '../encoding/field-reader.ts';
import { maxApprovalValues } from './limits.ts';
import { sealedShareLength } from './sealed-value-form.ts';
import { type ApprovalStatement, areAscending, compareVersions, rulesHashOf } from './statement.ts';

/** A sealed share, and the rules with which the value was set. */
export interface AskedShare {
  readonly name: string;
  readonly version: number;
  /** Of the person's key to which the share is sealed. */
  readonly epoch: number;
  readonly share: Bytes;
  /** Canonical JSON of the rules of this version. */
  readonly rules: string;
}

/** Encodes the shares of a question, which are sorted here; empty without any. */
export const encodeAskedShares = (asked: readonly AskedShare[]): Bytes =>
  encodeFieldBytes(
    ...asked
      .toSorted(compareVersions)
      .map(({ name, version, epoch, share, rules }) =>
        encodeFieldBytes(name, u32Bytes(version), u32Bytes(epoch), share, rules),
      ),
  );

/** Parses the shares of a question; undefined for any other form. */
export function parseAskedShares(field: Uint8Array | undefined): readonly AskedShare[] | undefined {
  const asked = (field && decodeFieldBytes(field))?.map(parseAsked);
  if (asked === undefined || asked.length > maxApprovalValues) return undefined;
  if (!asked.every((one) => one !== undefined)) return undefined;
  return areAscending(asked) ? asked : undefined;
}

function parseAsked(bytes: Bytes): AskedShare | undefined {
  const parts = decodeFieldBytes(bytes);
  const [name, version, epoch] = [decodeTextField(parts?.[0]), decodeU32Field(parts?.[1]), decodeU32Field(parts?.[2])];
  const [share, rules] = [fieldOfLength(parts?.[3], sealedShareLength), decodeTextField(parts?.[4])];
  if (parts?.length !== 5 || name === undefined || version === undefined || epoch === undefined) return undefined;
  return share === undefined || rules === undefined ? undefined : { name, version, epoch, share, rules };
}

/**
 * Whether the shares belong to the statement: each to a value of it, with the rules that it names, for one use, with a key
 * to seal to. Without shares there is no such key.
 */
export function areSharesOf({ values, scope, requestKey }: ApprovalStatement, asked: readonly AskedShare[]): boolean {
  if (asked.length === 0) return requestKey === undefined;
  if (requestKey === undefined || scope.kind !== 'once') return false;
  return asked.every(({ name, version, rules }) =>
    values.some(
      (value) => value.name === name && value.version === version && equalBytes(value.rulesHash, rulesHashOf(rules)),
    ),
  );
}
