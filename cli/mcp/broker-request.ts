/** Makes a request through the broker of the vault: this machine never has a value (docs/broker.md). */
import type { RequestDraft } from '../../egress/requests/request-draft.ts';
import { checkHostAllowed, withBodyNote } from './http-request-checks.ts';
import type { HttpRequestInput, HttpRequestOutput } from './http-request-schemas.ts';
import { assertInFolder, type ToolCall, type ToolContext } from './tool-context.ts';

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
  const response = (await client.vault.fetch(url, {
    ...call,
    ...rest,
    body: input.body ?? (input.form === undefined ? undefined : Object.entries(input.form)),
    auth: basicAuth === undefined ? undefined : { type: 'basic', ...basicAuth },
    timeout: Math.max(limits.totalMs, 20_000),
    hostTimeout: Math.min(limits.totalMs, 10_000),
    maxResponseBytes: Math.min(limits.bodyBytes, 786_432),
  })) as Response;
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
