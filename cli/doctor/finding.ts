/** Results of the checks of `anima doctor`. */
export interface Finding {
  readonly check: string;
  readonly state: 'ok' | 'warn' | 'fail';
  readonly detail: string;
  /** Suggested fix. */
  readonly mend?: string | undefined;
}

export const ok = (check: string, detail: string): Finding => ({ check, state: 'ok', detail });
export const warn = (check: string, detail: string, mend?: string): Finding => ({ check, state: 'warn', detail, mend });
export const fail = (check: string, detail: string, mend?: string): Finding => ({ check, state: 'fail', detail, mend });
