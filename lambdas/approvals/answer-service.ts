/** What devices do: publish their approval keys, read questions, answer them (docs/approvals.md, section 3). */
import { approvalLimits } from '../../contract/approvals/limits.ts';
import type {
  AnswerApprovalRequest,
  AnswerApprovalResponse,
  ListApprovalsResponse,
  ListedQuestion,
  PutApprovalKeyResponse,
  QuestionRefusalReason,
} from '../../contract/approvals/wire.ts';
import { VaultError } from '../../contract/shared/vault-error.ts';
import { judgeAnswer, readAnswer } from '../../core/approvals/answer.ts';
import { findApprover, readApprovalKey } from '../../core/approvals/approval-keys.ts';
import { sharesHash } from '../../core/approvals/shares.ts';
import { type ApprovalStatement, parseStatement } from '../../core/approvals/statement.ts';
import { isOpaqueName } from '../../core/directory/directory-ids.ts';
import { clockToleranceMs } from '../../core/directory/limits.ts';
import { equalBytes } from '../../core/encoding/bytes.ts';
import type { DirectoryStore } from '../directory/directory-ports.ts';
import type { SessionSigner } from '../directory/session-authenticator.ts';
import { decodeBase64Field, encodeBase64Field } from '../shared/base64-field.ts';
import type { Clock } from '../shared/ports.ts';
import type { AnswerStore, NewAnswer, StoredApproval } from './approval-ports.ts';
import { maxEntriesBack, relationTo } from './entry-chain.ts';
import { keyRefused } from './key-refused.ts';

export class AnswerService {
  readonly #store: AnswerStore;
  readonly #entries: Pick<DirectoryStore, 'listEntries'>;
  readonly #clock: Clock;

  constructor(store: AnswerStore, entries: Pick<DirectoryStore, 'listEntries'>, clock: Clock) {
    this.#store = store;
    this.#entries = entries;
    this.#clock = clock;
  }

  /** The same statement again changes nothing. @throws VaultError `approval_key_refused`, `unavailable` */
  async putKey(signer: SessionSigner, signed: Uint8Array): Promise<PutApprovalKeyResponse> {
    const { org, device, view } = signer;
    const now = this.#clock().getTime();
    if (findApprover(view.state, device.id, now) === undefined)
      throw keyRefused('this device is not listed with the right to approve');
    const key = readApprovalKey(org, device, signed);
    if (key === undefined) throw keyRefused('it does not have the documented form, or is not signed by this device');
    if (key.time > now + clockToleranceMs) throw keyRefused('its time is in the future');
    const before = await this.#store.getKey(org, device.id);
    if (before !== undefined && equalBytes(before, signed)) return { device: device.id };
    // Only what the device signed counts. A time that somebody wrote into the row would refuse every later key.
    const last = before && readApprovalKey(org, device, before);
    const isLater = last === undefined || last.time < key.time;
    if (!isLater || !(await this.#store.putKey(org, device.id, signed, before)))
      throw keyRefused('a key with the same or a later time is stored');
    return { device: device.id };
  }

  /** @throws VaultError `unavailable` */
  async list({ org, device }: SessionSigner): Promise<ListApprovalsResponse> {
    const now = this.#clock().getTime();
    const approvals: ListedQuestion[] = [];
    let bytes = 0;
    for (const one of await this.#store.listQuestions(org, device.id, approvalLimits.questionsRead)) {
      if (now >= one.expires) {
        // TTL deletes late, and questions that are over must not hide others.
        await this.#store.deleteQuestions(org, one.approval, [device.id]);
        continue;
      }
      if (approvals.length === approvalLimits.questionsPage) break;
      const question = encodeBase64Field(one.question);
      bytes += question.length;
      // The first one is returned whatever its size.
      if (bytes > approvalLimits.questionsReplyBytes && approvals.length > 0) break;
      approvals.push({ approval: one.approval, question, expiresAt: new Date(one.expires).toISOString() });
    }
    return { approvals };
  }

  /**
   * Stores the answer of the device that signs the request, or notes that it does not show the question. The same bytes
   * again get the same answer.
   * @throws VaultError `approval_not_found`, `approval_expired`, `approval_answered`, `answer_refused`, `unavailable`
   */
  async answer(signer: SessionSigner, id: string, body: AnswerApprovalRequest): Promise<AnswerApprovalResponse> {
    const { stored, facts } = await this.#find(signer, id);
    if ('refused' in body) await this.#refuse(signer, stored, body.refused);
    else {
      const shares = body.shares === undefined ? undefined : decodeBase64Field(body.shares);
      const answer = { signed: decodeBase64Field(body.answer), shares };
      if (!hasItsShares(answer)) throw answerRefused('other_shares');
      await this.#answer(signer, stored, facts, answer);
    }
    return { approval: id };
  }

  /** Only devices that were asked know the approval. */
  async #find({ org, device }: SessionSigner, id: string) {
    const stored = isOpaqueName(id) ? await this.#store.get(org, id) : undefined;
    const facts = stored && parseStatement(stored.statement);
    if (stored === undefined || facts === undefined || !stored.devices.includes(device.id))
      throw new VaultError('approval_not_found', { detail: 'Nothing was stored.' });
    return { stored, facts };
  }

  async #refuse({ org, device }: SessionSigner, stored: StoredApproval, reason: QuestionRefusalReason): Promise<void> {
    await this.#store.putRefusal(org, stored.approval, device.id, reason);
    await this.#store.deleteQuestions(org, stored.approval, [device.id]);
  }

  async #answer(
    signer: SessionSigner,
    stored: StoredApproval,
    facts: ApprovalStatement,
    answer: NewAnswer,
  ): Promise<void> {
    const { org, device } = signer;
    const { signed } = answer;
    const { approval, answer: before } = stored;
    if (before === undefined || !equalBytes(before, signed)) {
      const refusal = await this.#judge(signer, stored, facts, signed, device.id);
      if (refusal === 'expired' || stored.isWithdrawn)
        throw new VaultError('approval_expired', { detail: 'The question is over. Nothing was stored.' });
      if (refusal !== undefined) throw answerRefused(refusal);
      // Somebody who can write the table may have put an answer there that is none.
      const isAnswered =
        before !== undefined && (await this.#judge(signer, stored, facts, before, undefined)) === undefined;
      if (isAnswered || !(await this.#store.putAnswer(org, approval, answer, before))) {
        const now = (await this.#store.get(org, approval))?.answer;
        if (now === undefined || !equalBytes(now, signed))
          throw new VaultError('approval_answered', { detail: 'Another device was faster. Nothing was stored.' });
      }
    }
    await this.#store.deleteQuestions(org, approval, stored.devices);
  }

  /** Why an answer does not hold; undefined if it does. @param by the device that must have signed it */
  async #judge(
    { org, view: { state } }: SessionSigner,
    { statement }: StoredApproval,
    facts: ApprovalStatement,
    signed: Uint8Array,
    by: string | undefined,
  ): Promise<string | undefined> {
    const read = readAnswer(signed);
    if (read === undefined || (by !== undefined && read.answer.device !== by)) return 'malformed';
    const relation = await relationTo(this.#entries, org, state.head, read.answer.head, maxEntriesBack);
    const now = this.#clock().getTime();
    return judgeAnswer(read, { state, statement, facts, now, relationOf: () => relation });
  }
}

/** Whether the shares are those that the answer names. */
function hasItsShares({ signed, shares }: NewAnswer): boolean {
  const named = readAnswer(signed)?.answer.sharesHash;
  if (named === undefined || shares === undefined) return named === undefined && shares === undefined;
  return equalBytes(named, sharesHash(shares));
}

const answerRefused = (why: string): VaultError =>
  new VaultError('answer_refused', { detail: `The answer is refused: ${why}. Nothing was stored.` });
