/** One open question for each API key, and the time that it waits between questions (docs/approvals.md, section 3). */
import { approvalLimits } from '../../contract/approvals/limits.ts';
import { VaultError } from '../../contract/shared/vault-error.ts';
import { readAnswer } from '../../core/approvals/answer.ts';
import { approvalClockToleranceMs } from '../../core/approvals/limits.ts';
import { equalBytes } from '../../core/encoding/bytes.ts';
import type { StoredApproval, StoredPointer } from './approval-ports.ts';

/** Whether the outcome of a use is unknown: it ended so, or did not end in time. */
export const isUncertain = ({ isUncertain: ended, open, lastStart }: StoredApproval, now: number): boolean =>
  ended || (open > 0 && now - lastStart > approvalLimits.useMs);

/** Whether every device that got the question refused to show it. */
export const isRefusedByAll = ({ devices, refusals }: StoredApproval): boolean =>
  devices.every((device) => refusals.some((refusal) => refusal.startsWith(`${device}:`)));

const isUnanswered = (approval: StoredApproval): boolean =>
  approval.answer === undefined && !approval.isWithdrawn && !isRefusedByAll(approval);

/** The answer is not verified here: it decides about waiting only. */
const isAllowed = ({ answer }: StoredApproval): boolean =>
  answer !== undefined && readAnswer(answer)?.answer.decision === 'yes';

/**
 * Whether the times are those of a question that was asked. Nothing authenticates them: others would let somebody who wrote
 * the row once block the key for ever.
 */
const isPossible = ({ asked, expires }: StoredPointer, now: number): boolean =>
  asked <= now + approvalClockToleranceMs && expires <= asked + approvalLimits.approvalMs;

export interface QuestionTurn {
  readonly pointer: StoredPointer;
  /** The question that the new one replaces. */
  readonly replaced: StoredApproval | undefined;
  /** Id of an earlier approval whose outcome is unknown; empty if there is none. */
  readonly earlier: string;
}

/**
 * Decides whether a key may ask now.
 * @param newest question of the key, and what is stored of it
 * @throws VaultError `approval_pending`
 */
export function nextTurn(
  next: { readonly approval: string; readonly details: Uint8Array; readonly now: number },
  newest: StoredPointer | undefined,
  stored: StoredApproval | undefined,
): QuestionTurn {
  const { approval, details, now } = next;
  const before = newest !== undefined && isPossible(newest, now) ? newest : undefined;
  const isOpen = before !== undefined && stored !== undefined && now < before.expires && isUnanswered(stored);
  if (isOpen && !equalBytes(before.details, details)) throw pending(before.expires - now);
  const misses = before === undefined || (stored !== undefined && isAllowed(stored)) ? 0 : before.misses;
  const { waitMs, waitMsMax, approvalMs } = approvalLimits;
  const wait = misses === 0 ? 0 : Math.min(waitMsMax, waitMs * 2 ** (misses - 1));
  const notBefore = (before?.asked ?? 0) + wait;
  if (now < notBefore) throw pending(notBefore - now);
  return {
    pointer: { approval, details, asked: now, expires: now + approvalMs, misses: misses + 1 },
    replaced: isOpen ? stored : undefined,
    earlier: earlierOf(stored, now),
  };
}

function earlierOf(stored: StoredApproval | undefined, now: number): string {
  if (stored === undefined) return '';
  if (isUncertain(stored, now)) return stored.approval;
  // It was said to nobody yet.
  return isAllowed(stored) ? '' : stored.earlier;
}

export const pending = (ms: number): VaultError =>
  new VaultError('approval_pending', {
    detail: 'Nothing was asked and nothing was sent.',
    retryAfterSeconds: Math.max(1, Math.ceil(ms / 1000)),
  });
