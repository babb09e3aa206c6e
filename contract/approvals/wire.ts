/** JSON types of the routes of approvals (docs/approvals.md). Binary fields are standard base64 with padding. */
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
