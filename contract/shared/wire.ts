/** The JSON that travels, as types. schemas.ts holds the same as zod schemas; the compiler checks that they agree. */

import type { ErrorCode } from './error-codes.ts';

/** Why one item of a batch has no result. */
export interface ItemError {
  code: ErrorCode;
  title: string;
  detail?: string | undefined;
  /** For `version_conflict`: the version that is there; 0 when none is. */
  currentVersion?: number | undefined;
}

/** RFC 9457 problem document. */
export interface Problem {
  /** `urn:anima:error:` and the code. */
  type: string;
  code: ErrorCode;
  title: string;
  status: number;
  /** What happened in this case, never with any value in it. */
  detail?: string | undefined;
  /** Where the input is wrong. */
  errors?: { path: string; message: string }[] | undefined;
  /** For `version_conflict`: the version that is there; 0 when none is. */
  currentVersion?: number | undefined;
  /** Whether the same request may succeed later. */
  retryable: boolean;
  requestId: string;
}
