/**
 * JSON types that several routes share. The matching zod schemas are in schema-parts.ts and in the schemas.ts files;
 * the compiler checks that they agree.
 */

import type { ErrorCode } from './error-codes.ts';

/** The error of one item in a batch. */
export interface ItemError {
  code: ErrorCode;
  title: string;
  detail?: string | undefined;
  /** For `version_conflict`: the current version; 0 when there is none. */
  currentVersion?: number | undefined;
}

/** RFC 9457 problem document. */
export interface Problem {
  /** `urn:anima:error:` followed by the code. */
  type: string;
  code: ErrorCode;
  title: string;
  status: number;
  /** Text for people about this occurrence. Never contains a value. */
  detail?: string | undefined;
  /** The invalid parts of the input. */
  errors?: { path: string; message: string }[] | undefined;
  /** For `version_conflict` and `precondition_failed`: the current version; 0 when there is none. */
  currentVersion?: number | undefined;
  /** Whether the same request can succeed later. */
  retryable: boolean;
  requestId: string;
}
