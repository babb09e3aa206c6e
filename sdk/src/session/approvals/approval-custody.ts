/** Custody `approval` for those who set values (docs/format-approvals.md, sections 5 and 6). */
import { ruleEntries, usageRuleKeys } from '../../../../contract/broker/usage-rules.ts';
import { custodyKey, approvalCustody as custodyName } from '../../../../contract/values/custody.ts';
import type { Metadata } from '../../../../contract/values/wire.ts';
import { maxApprovalValueBytes } from '../../../../core/approvals/limits.ts';
import { judgePersonKey, type PersonKey, readPersonKey } from '../../../../core/approvals/person-key.ts';
import { sealApprovalValue } from '../../../../core/approvals/sealed-value.ts';
import { rulesHash } from '../../../../core/approvals/statement.ts';
import { isOpaqueName } from '../../../../core/directory/directory-ids.ts';
import { fromBase64Url, utf8Bytes } from '../../../../core/encoding/bytes.ts';
import type { Transport } from '../../http/transport.ts';
import type { UnsealedVersion, ValueCustody } from '../../http/value-custody.ts';
import { notSentError } from '../../shared/argument-validation.ts';
import { checkOptions } from '../../shared/check-options.ts';
import type { CallSettings } from '../../shared/client-options.ts';
import { PinnedStart } from '../directory/pinned-start.ts';
import { adminRequests } from '../requests/admin-requests.ts';
import { readApproverKey } from '../requests/person-key-requests.ts';
import { sessionError } from '../session-errors.ts';

export interface ApprovalCustodyOptions {
  readonly org: string;
  /** Id of the person in the directory whose devices open the value. */
  readonly approver: string;
  /** The pin of the directory, from an admin by a trusted channel: 43 characters (`anima directory status`). */
  readonly pin: string;
  /** Replaced by tests. */
  readonly now?: (() => number) | undefined;
}

/** A value needs as many characters to be concealed in responses. */
const minCharacters = 4;

/**
 * Values that the organization's key alone cannot open. Each use needs the answer of a device of the approver. The API key
 * needs `directory.read` and `values.write`: the key of the approver is verified here, with the directory and its pin.
 *
 *     const custody = approvalCustody({ org, approver, pin });
 *     await client.vault.set('prod/stripe/key', secret, { custody, metadata: { allowed_hosts: 'api.stripe.com' } });
 *
 * @throws AnimaError invalid_argument
 */
export function approvalCustody(options: ApprovalCustodyOptions): ValueCustody {
  checkOptions(options, ['org', 'approver', 'pin', 'now']);
  const { org, approver, pin } = options;
  if (!isOpaqueName(org) || !isOpaqueName(approver))
    throw notSentError('invalid_argument', 'org and approver must be ids of 16 characters of 0-9 a-z');
  if (!/^[A-Za-z0-9_-]{43}$/.test(pin)) throw notSentError('invalid_argument', 'pin must have 43 characters');
  return new ApprovalCustody(options);
}

class ApprovalCustody implements ValueCustody {
  readonly #options: ApprovalCustodyOptions;
  readonly #directory: PinnedStart;
  /** The highest edition that this object saw. The service must not show a lower one. */
  #edition = 0;

  constructor(options: ApprovalCustodyOptions) {
    this.#options = options;
    this.#directory = new PinnedStart(options.org, fromBase64Url(options.pin) ?? new Uint8Array(0));
  }

  /** @throws AnimaError; SessionError bad_directory, pin_not_reached, approver_key_refused */
  async seal(
    { name, version, value, metadata }: UnsealedVersion,
    transport: Transport,
    settings: CallSettings,
  ): Promise<{ value: string; metadata: Metadata }> {
    const { org, approver } = this.#options;
    const bytes = utf8Bytes(value);
    if (bytes.length > maxApprovalValueBytes || [...value].length < minCharacters) {
      const detail = `with custody approval, a value has ${minCharacters} characters to ${maxApprovalValueBytes} bytes`;
      throw notSentError(bytes.length > maxApprovalValueBytes ? 'value_too_large' : 'invalid_argument', detail);
    }
    const entries = { ...metadata, [custodyKey]: custodyName, [usageRuleKeys.approver]: approver };
    const key = await this.#approverKey(transport, settings);
    const binding = { org, name, version, rulesHash: rulesHash(ruleEntries(entries)) };
    try {
      return { value: await sealApprovalValue(binding, key, bytes), metadata: entries };
    } finally {
      bytes.fill(0);
    }
  }

  async #approverKey(transport: Transport, settings: CallSettings): Promise<PersonKey> {
    const { approver, now = Date.now } = this.#options;
    const read = readPersonKey(await readApproverKey(transport, approver, settings));
    // After the statement, so that an honest service never shows a directory from before it.
    await this.#follow(transport, settings);
    if (read === undefined) throw sessionError('approver_key_refused', 'malformed');
    const refusal = judgePersonKey(read, {
      state: this.#directory.state,
      person: approver,
      now: now(),
      relationOf: (head) => this.#directory.compare(head),
    });
    if (refusal !== undefined) throw sessionError('approver_key_refused', refusal);
    if (read.key.edition < this.#edition) throw sessionError('approver_key_refused', 'older than one shown before');
    this.#edition = read.key.edition;
    return read.key;
  }

  async #follow(transport: Transport, settings: CallSettings): Promise<void> {
    await this.#directory.read(adminRequests(transport).entries, settings);
    if (!this.#directory.isPinned) throw sessionError('pin_not_reached');
  }
}
