/** What a program gets when a person must allow its request. */

/** Names the question of one request. `handle` is a secret of this program: whoever has it and its API key can go on. */
export interface ApprovalTicket {
  readonly id: string;
  readonly handle: string;
  /** For approvals of a run: id that the service gave to the run. */
  readonly run?: string | undefined;
  /** Number of devices that were asked. */
  readonly devices: number;
  readonly expires: Date;
}

export interface ApprovalWait {
  /**
   * For values whose use a person must allow (docs/approvals.md). `wait` (default): until somebody answered, at most five
   * minutes. `return`: rejects with an error whose `name` is `ApprovalNeeded`, and which has a `ticket`. A ticket: sends the identical request with it, once.
   */
  approval?: 'wait' | 'return' | ApprovalTicket | undefined;
  /** Why the request is made, for the person: at most 200 characters. Part of the question, so repeat it with a ticket. */
  reason?: string | undefined;
  /** Called once a person is asked. */
  onApproval?: ((ticket: ApprovalTicket) => void) | undefined;
}

/** A person was asked, and did not answer yet. Nothing was sent to the host. */
export interface ApprovalNeeded extends Error {
  readonly name: 'ApprovalNeeded';
  /** Not enumerable, because its handle is a secret. */
  readonly ticket: ApprovalTicket;
}

/** Whether `fetch` rejected because a person must answer first: programs compare `name`. */
export const isApprovalNeeded = (error: unknown): error is ApprovalNeeded =>
  error instanceof Error && error.name === 'ApprovalNeeded';
