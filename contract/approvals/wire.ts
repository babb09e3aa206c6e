/** JSON types of the routes of approvals (docs/approvals.md). Binary fields are standard base64 with padding. */
import type { UpstreamClass } from '../broker/wire.ts';
import type { ErrorCode } from '../shared/error-codes.ts';
import type { questionRefusals } from './limits.ts';

/** Public keys of the broker of a person, standard base64, and the id that they have as a device. */
export interface BrokerKeysResponse {
  device: string;
  ik: string;
  dh: string;
}

export interface PutApprovalKeyRequest {
  /** `fields(key statement, signature)`. */
  statement: string;
}

export interface PutApprovalKeyResponse {
  /** Id of the device. */
  device: string;
}

export interface ListedQuestion {
  approval: string;
  /** Sealed for this device. */
  question: string;
  expiresAt: string;
}

export interface ListApprovalsResponse {
  /** Open questions for the device that asks. */
  approvals: ListedQuestion[];
}

export type QuestionRefusalReason = (typeof questionRefusals)[number];

export interface PutPersonKeyRequest {
  /** `fields(statement, signature)` (docs/format-approvals.md, section 5). */
  statement: string;
}

export interface PutPersonKeyResponse {
  edition: number;
}

/** What a device needs to give the key of its person to a further device. */
export interface GetPersonKeyResponse {
  /** Absent if the person has none. */
  statement?: string | undefined;
  /** Signed approval keys of the devices of the person that published one. */
  devices: { device: string; statement: string }[];
}

export interface ApproverKeyResponse {
  statement: string;
}

/** A signed answer, or why the device does not show the question. */
export type AnswerApprovalRequest =
  | {
      /** `fields(answer, signature)`. */
      answer: string;
      /** Sealed shares, if the question asks for some (docs/format-approvals.md, section 7). */
      shares?: string | undefined;
    }
  | { refused: QuestionRefusalReason };

export interface AnswerApprovalResponse {
  approval: string;
}

/** The proof of a use that the person of the requesting device allowed, as the audit has it. */
export interface ListedUse {
  /** Id of the audit record, which begins with its time. */
  id: string;
  time: string;
  requestId: string;
  statement: string;
  /** Signature of the broker over the statement. */
  signature: string;
  /** `fields(answer, signature)`. */
  answer: string;
  /** Result of the request, and the class of the host's status. The proof does not contain them. */
  result?: 'ok' | ErrorCode | undefined;
  upstream?: UpstreamClass | undefined;
}

/** A request that read or used tripwires, as the audit has it. Nothing proves it. */
export interface ListedTripwires {
  /** Id of the audit record, which begins with its time. */
  id: string;
  time: string;
  requestId: string;
  names: string[];
  principal: string;
  result: 'ok' | 'started' | 'pending' | ErrorCode;
  sourceIp: string;
  /** As stated by the caller. */
  agent?: string | undefined;
  run?: string | undefined;
}

/** Newest first. Both lists can be empty although there is a cursor. */
export interface ListActivityResponse {
  uses: ListedUse[];
  tripwires: ListedTripwires[];
  cursor?: string | undefined;
}
