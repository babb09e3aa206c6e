/** Checks what a person typed, once it is open. */
import { usageRuleKeys } from '../../contract/broker/usage-rules.ts';
import { limits } from '../../contract/shared/limits.ts';
import { VaultError } from '../../contract/shared/vault-error.ts';
import type { TypedSecret } from '../../core/secret-requests/sealed-secret.ts';
import { InvalidUsageRuleError } from '../../egress/rules/invalid-usage-rule.ts';
import { parseUsageRules } from '../../egress/rules/usage-rules.ts';

const ruleKeys: readonly string[] = Object.values(usageRuleKeys);

/**
 * Checks the size of the value, and that its metadata consists of valid rules.
 * @throws VaultError `invalid_request`, which repeats no part of the input
 */
export function assertStorable({ value, rules }: TypedSecret): void {
  const bytes = Buffer.byteLength(value, 'utf8');
  if (bytes === 0 || bytes > limits.valueBytes)
    throw refuse('value', `has ${bytes} bytes of UTF-8; 1 to ${limits.valueBytes} are allowed`);
  for (const [key, text] of Object.entries(rules)) {
    if (!ruleKeys.includes(key)) throw refuse('rules', 'has an entry that is not a rule of use');
    if (text.length > limits.metadataValueLength)
      throw refuse(`rules.${key}`, `is longer than ${limits.metadataValueLength} characters`);
  }
  try {
    parseUsageRules(rules);
  } catch (error) {
    if (error instanceof InvalidUsageRuleError) throw refuse('rules', error.message);
    throw error;
  }
}

const refuse = (path: string, message: string): VaultError =>
  new VaultError('invalid_request', { detail: 'Nothing was stored.', errors: [{ path, message }] });
