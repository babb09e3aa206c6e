/** One attempt to process a queued message. */
import type { AuditRecord } from '../../contract/audit/wire.ts';
import type { AuditOnlyVerb } from '../../contract/shared/verbs.ts';
import type { MessageJobPayload } from './message-job.ts';

export interface MessageTask {
  readonly org: string;
  /** ID of the stored message. */
  readonly id: string;
  /** When the message was received, from its ID. */
  readonly receivedAt: Date;
  readonly job: MessageJobPayload;
  /** Number of this attempt, from 1. */
  readonly attempt: number;
  /** Whether the message stays without an answer if this attempt fails. */
  readonly isLastAttempt: boolean;
  /** Called after a command was executed, before its reply is sent. */
  onCommandExecuted(): void;
  /**
   * Writes an audit record. Called before a reply is sent, and before an effect that cannot be undone.
   * @throws VaultError `audit_unavailable`
   */
  recordAudit(user: string, verb: AuditOnlyVerb, result: AuditRecord['result']): Promise<void>;
}

/**
 * Why processing of a message stopped. Undefined if it was completed. `answers_limited`: the sender exceeded the limit of
 * answers. `carrier_keyword`: the carrier answers.
 */
export type DropReason =
  | 'org_shut'
  | 'user_deleted'
  | 'outdated'
  | 'channel_unset'
  | 'provider_refused'
  | 'answers_limited'
  | 'carrier_keyword'
  | undefined;
