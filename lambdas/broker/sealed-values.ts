/**
 * Values of custody `approval` in a request (docs/format-approvals.md, section 6). They are opened after a device has
 * answered, and only in the memory of this request.
 */
import { ruleEntries } from '../../contract/broker/usage-rules.ts';
import type { AskedShare } from '../../core/approvals/asked-shares.ts';
import { openApprovalValue } from '../../core/approvals/sealed-value.ts';
import type { ValueShare } from '../../core/approvals/shares.ts';
import { rulesHash } from '../../core/approvals/statement.ts';
import { DecryptionError } from '../../core/decryption-error.ts';
import { canonicalJson } from '../../core/encoding/canonical-json.ts';
import { UseRefusal } from '../../egress/refusals/use-refusal.ts';
import type { ApprovalRule } from '../../egress/rules/approval-rules.ts';
import { isUsableValue } from '../../egress/rules/usage-rules.ts';
import type { LoadedValue, LoadedValues } from './loaded-values.ts';

const isSealed = ({ sealed }: LoadedValue): boolean => sealed !== undefined;

export const hasSealedValues = (loaded: LoadedValues): boolean => [...loaded.values()].some(isSealed);

/**
 * What a question asks for, each version once.
 * @throws UseRefusal if another person is asked than the one for whom a value is sealed
 */
export function askedShares(loaded: LoadedValues, { approver }: ApprovalRule): AskedShare[] {
  const asked = [...loaded.values()].flatMap(({ reference: { name }, info: { version, metadata }, sealed }) => {
    if (sealed === undefined) return [];
    if (sealed.person !== approver) throw new UseRefusal(`${name} is sealed for another person`, 'use_refused');
    const { epoch, share } = sealed;
    return [
      [`${name} ${version}`, { name, version, epoch, share, rules: canonicalJson(ruleEntries(metadata)) }],
    ] as const;
  });
  return [...new Map(asked).values()];
}

/**
 * The values with those of custody `approval` opened.
 * @throws DecryptionError; UseRefusal for one that cannot be concealed
 */
export async function openSealedValues(
  org: string,
  loaded: LoadedValues,
  shares: readonly ValueShare[],
): Promise<LoadedValues> {
  const opened = [...loaded].map(async ([key, value]) => [key, await openValue(org, value, shares)] as const);
  return new Map(await Promise.all(opened));
}

async function openValue(org: string, loaded: LoadedValue, shares: readonly ValueShare[]): Promise<LoadedValue> {
  const { reference, info, sealed } = loaded;
  if (sealed === undefined) return loaded;
  const { name } = reference;
  const { version, metadata } = info;
  const found = shares.find((one) => one.name === name && one.version === version);
  if (found === undefined) throw new DecryptionError();
  const binding = { org, name, version, rulesHash: rulesHash(ruleEntries(metadata)) };
  const bytes = await openApprovalValue(binding, sealed, found.share);
  const value = decodeText(bytes);
  bytes.fill(0);
  if (!isUsableValue(value)) throw new UseRefusal(`${name} is too short or too long to be concealed`, 'value_unusable');
  return { ...loaded, value };
}

function decodeText(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new DecryptionError();
  }
}
