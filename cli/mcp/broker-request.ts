/** Makes a request through the broker of the vault: this machine never has a value (docs/broker.md). */

import type { RequestDraft } from '../../egress/requests/request-draft.ts';
import { AnimaError, type ApprovalTicket } from '../../sdk/src/index.ts';
import { isApprovalNeeded } from '../../sdk/src/values/approval-ticket.ts';
import { checkHostAllowed, withBodyNote } from './http-request-checks.ts';
import type { HttpRequestInput, HttpRequestOutput } from './http-request-schemas.ts';
import { assertInFolder, type ToolCall, type ToolContext } from './tool-context.ts';
import { ToolRefusal } from './tool-refusal.ts';

/** Questions that were asked, by request: the model sends the same request again until a person answered. */
const ticketsOf = new WeakMap<ToolContext, Map<string, ApprovalTicket>>();

/** @throws ToolRefusal while nobody answered */
async function sendOrAsk(
  scope: ToolContext,
  input: HttpRequestInput,
  send: (approval: 'return' | ApprovalTicket) => Promise<unknown>,
): Promise<unknown> {
  const tickets = ticketsOf.get(scope) ?? new Map<string, ApprovalTicket>();
  ticketsOf.set(scope, tickets);
  const request = JSON.stringify(input);
  try {
    const answer = await send(tickets.get(request) ?? 'return');
    tickets.delete(request);
    return answer;
  } catch (error) {
    // After a lost connection the same question goes on.
    if (error instanceof AnimaError && !error.retryable) tickets.delete(request);
    if (!isApprovalNeeded(error)) throw error;
    const { ticket } = error;
    tickets.set(request, ticket);
    throw new ToolRefusal(
      `A person must allow this request, and was asked: approval ${ticket.id}, until ${ticket.expires.toISOString()}. ` +
        'Nothing was sent yet. Call this tool again with exactly the same arguments after some seconds, until the answer comes',
    );
  }
}

const omittedReasons = ['redirect', 'compressed', 'binary'] as const;

/** @throws ToolRefusal, AnimaError; the vault checks the rules of the values */
export async function requestByBroker(
  input: HttpRequestInput,
  draft: RequestDraft,
  call: ToolCall,
  scope: ToolContext,
): Promise<HttpRequestOutput> {
  checkHostAllowed(draft, scope);
  for (const { reference } of draft.uses) assertInFolder(scope, reference.name);
  const { limits } = scope.settings;
  const { url, basicAuth, ...rest } = input;
  const client = await scope.client();
  const response = (await sendOrAsk(scope, input, (approval) =>
    client.vault.fetch(url, {
      ...call,
      ...rest,
      approval,
      body: input.body ?? (input.form === undefined ? undefined : Object.entries(input.form)),
      auth: basicAuth === undefined ? undefined : { type: 'basic', ...basicAuth },
      timeout: Math.max(limits.totalMs, 20_000),
      hostTimeout: Math.min(limits.totalMs, 10_000),
      maxResponseBytes: Math.min(limits.bodyBytes, 786_432),
    }),
  )) as Response;
  const body = await response.text();
  const {
    'anima-redirect-host': redirectHost,
    'anima-body-omitted': omitted,
    'anima-truncated': truncated,
    ...headers
  } = Object.fromEntries(response.headers);
  const bodyOmitted = omittedReasons.find((reason) => reason === omitted);
  const shown = {
    status: response.status,
    statusText: response.statusText,
    headers,
    ...(redirectHost === undefined ? {} : { redirectHost }),
    ...(body === '' ? {} : { body }),
    ...(bodyOmitted === undefined ? {} : { bodyOmitted }),
    ...(truncated === undefined ? {} : { truncated: true as const }),
  };
  return withBodyNote(shown, Math.min(limits.bodyBytes, 786_432));
}
