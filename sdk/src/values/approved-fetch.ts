/** Requests that a person must allow: waiting for the answer (docs/approvals.md, section 3). */
import type { AskedApproval, FetchRequest, FetchResponse, PendingFetch } from '../../../contract/broker/wire.ts';
import { delay } from '../http/retry.ts';
import { addApprovalErrors } from '../shared/approval-errors.ts';
import type { CallSettings } from '../shared/client-options.ts';
import { AnimaError } from '../shared/errors.ts';
import type { ApprovalTicket, ApprovalWait } from './approval-ticket.ts';

/** Polls in a row that may fail for lack of a connection. */
const maxFailures = 5;

type Send = (body: FetchRequest) => Promise<FetchResponse | PendingFetch>;

const isPending = (answer: FetchResponse | PendingFetch): answer is PendingFetch => 'approval' in answer;

/** Sends a request, and if a person must allow it, again until the person answered. */
export async function approvedFetch(
  send: Send,
  body: FetchRequest,
  { approval = 'wait', reason, onApproval }: ApprovalWait,
  settings: CallSettings,
): Promise<FetchResponse> {
  addApprovalErrors();
  const reasoned = reason === undefined ? {} : { reason };
  const withTicket = (one: AskedApproval | undefined): FetchRequest =>
    one === undefined && reason === undefined ? body : { ...body, approval: { ...reasoned, ...one } };
  const given = typeof approval === 'object' ? askedOf(approval) : undefined;
  const first = await send(withTicket(given));
  if (!isPending(first)) return first;
  const asked: AskedApproval = given ?? { id: first.approval.id, handle: first.approval.handle ?? '', ...runOf(first) };
  const ticket = ticketOf(first, asked);
  onApproval?.(ticket);
  if (approval !== 'wait') throw approvalNeeded(ticket);
  return await wait(() => send(withTicket(asked)), first, settings);
}

async function wait(
  poll: () => Promise<FetchResponse | PendingFetch>,
  first: PendingFetch,
  settings: CallSettings,
): Promise<FetchResponse> {
  let { retryAfterSeconds } = first.approval;
  for (let failures = 0; ; ) {
    await delay(retryAfterSeconds * 1000, settings);
    try {
      const answer = await poll();
      if (!isPending(answer)) return answer;
      failures = 0;
      ({ retryAfterSeconds } = answer.approval);
    } catch (error) {
      // A poll whose answer was lost may have made the request. The service makes it once, and says so to the next poll.
      const isLost = error instanceof AnimaError && error.retryable && error.code !== 'aborted';
      if (!isLost || ++failures > maxFailures) throw error;
    }
  }
}

/** @returns an `ApprovalNeeded` */
function approvalNeeded(ticket: ApprovalTicket): Error {
  const until = ticket.expires.toISOString();
  const error = new Error(`A person must allow this request: approval ${ticket.id}, until ${until}`);
  error.name = 'ApprovalNeeded';
  return Object.defineProperty(error, 'ticket', { value: ticket, enumerable: false });
}

const runOf = ({ approval: { run } }: PendingFetch) => (run === undefined ? {} : { run });

const askedOf = ({ id, handle, run }: Pick<ApprovalTicket, 'id' | 'handle' | 'run'>): AskedApproval => ({
  id,
  handle,
  ...(run === undefined ? {} : { run }),
});

const ticketOf = ({ approval }: PendingFetch, asked: AskedApproval): ApprovalTicket => ({
  ...askedOf(asked),
  devices: approval.devices,
  expires: new Date(approval.expiresAt),
});
