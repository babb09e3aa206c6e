/** Errors for people. */
import { AnimaError, SessionError } from '../../../../sdk/src/session/index.ts';

/** What happened, what was not done, what to do next. */
export function describeError(error: unknown): string {
  if (error instanceof SessionError) return `${error.message}.`;
  if (error instanceof AnimaError) return `${error.message.replace(/\.$/, '')}.`;
  return 'Something went wrong in this page. Reload it. Nothing that was stored is lost.';
}

export const hasCode = (error: unknown, code: string): boolean =>
  (error instanceof SessionError || error instanceof AnimaError) && error.code === code;
