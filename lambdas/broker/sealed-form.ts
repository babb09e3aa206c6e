import { isApprovalCustody } from '../../contract/values/custody.ts';
import type { Value } from '../../contract/values/wire.ts';
import { parseSealedValue, type SealedValue } from '../../core/approvals/sealed-value-form.ts';
import { DecryptionError } from '../../core/decryption-error.ts';

/** The sealed form of a value; undefined for custody `org`. @throws DecryptionError for another form */
export function sealedFormOf({ value, metadata }: Value): SealedValue | undefined {
  if (!isApprovalCustody(metadata)) return undefined;
  const sealed = parseSealedValue(value);
  if (sealed === undefined) throw new DecryptionError();
  return sealed;
}
