/**
 * What the service accepts as a value of custody `approval`: sealed by its setter for exactly this version, these rules and
 * the person who is asked (docs/format-approvals.md, section 6). It cannot open it.
 */
import { ruleEntries, usageRuleKeys } from '../../contract/broker/usage-rules.ts';
import { VaultError } from '../../contract/shared/vault-error.ts';
import { isApprovalCustody } from '../../contract/values/custody.ts';
import type { SetValueRequest } from '../../contract/values/wire.ts';
import { parseSealedValue } from '../../core/approvals/sealed-value-form.ts';
import { rulesHash } from '../../core/approvals/statement.ts';
import { equalBytes } from '../../core/encoding/bytes.ts';

const invalid = (path: string, message: string): VaultError =>
  new VaultError('invalid_request', { errors: [{ path, message }] });

/**
 * The version for which a value was sealed; undefined for a value of custody `org`.
 * @throws VaultError `invalid_request`
 */
export function sealedVersionOf({ value, metadata = {} }: SetValueRequest): number | undefined {
  if (!isApprovalCustody(metadata)) return undefined;
  const sealed = parseSealedValue(value);
  if (sealed === undefined) throw invalid('value', 'is not sealed, as custody approval needs it');
  if (metadata[usageRuleKeys.approver] !== sealed.person)
    throw invalid(`metadata.${usageRuleKeys.approver}`, 'is not the person for whom the value is sealed');
  if (!['each', undefined].includes(metadata[usageRuleKeys.approval]?.trim()))
    throw invalid(
      `metadata.${usageRuleKeys.approval}`,
      'must be each: with custody approval, one answer is for one use',
    );
  if (!equalBytes(sealed.rulesHash, rulesHash(ruleEntries(metadata))))
    throw invalid('value', 'is sealed with other rules than those of the metadata');
  return sealed.version;
}

/** @throws VaultError `version_conflict` unless the next version is the one for which a value was sealed */
export function assertSealedFor(sealed: number | undefined, next: number): void {
  if (sealed !== undefined && sealed !== next) throw new VaultError('version_conflict', { currentVersion: next - 1 });
}

/** @throws VaultError `value_not_readable` for a value of custody `approval` */
export function assertReadable(metadata: Readonly<Record<string, string>>): void {
  if (!isApprovalCustody(metadata)) return;
  throw new VaultError('value_not_readable', {
    detail: 'Its custody is approval: a device of its approver opens it for each use by POST /v1/fetch.',
  });
}
