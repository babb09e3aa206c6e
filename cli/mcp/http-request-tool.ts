/** `http_request`: an HTTP request with values that the model never sees. */
import { OutboundRequestError, sendOutboundRequest } from '../../egress/exchange/outbound-http.ts';
import { toShownResponse } from '../../egress/exchange/shown-response.ts';
import { redactionLookAhead } from '../../egress/redaction/response-redactor.ts';
import { type Reference, referenceKey } from '../../egress/references/secret-references.ts';
import { createDraft, type RequestDraft } from '../../egress/requests/request-draft.ts';
import type { PlaceholderUse } from '../../egress/requests/request-placeholders.ts';
import { checkUse, type UsableValue } from '../../egress/rules/check-use.ts';
import type { Method } from '../../egress/rules/usage-rules.ts';
import type { Anima, Value } from '../../sdk/src/index.ts';
import { isGeneratedByModel, type Metadata, readCurrentVersion } from '../secrets/value-metadata.ts';
import { requestByBroker } from './broker-request.ts';
import { checkHostAllowed, withBodyNote } from './http-request-checks.ts';
import { type HttpRequestOutput, httpRequestInput, httpRequestOutput } from './http-request-schemas.ts';
import { assertInFolder, type ToolCall, type ToolContext } from './tool-context.ts';
import type { Tool } from './tool-definition.ts';
import { ToolRefusal } from './tool-refusal.ts';

/** Maximum concurrent requests of one server. */
const maxConcurrentRequests = 8;
let runningRequests = 0;

export const httpRequest: Tool<typeof httpRequestInput, typeof httpRequestOutput> = {
  name: 'http_request',
  title: 'HTTP request with secrets',
  description:
    'Makes an HTTP request in which placeholders {{anima://path}} (or {{anima://path?version=N}}) in headers, query, basicAuth or body are ' +
    'replaced by secrets that you never see, e.g. headers {"authorization": "Bearer {{anima://prod/stripe/key}}"}. A secret goes only to hosts ' +
    'that its metadata allows (see describe_secret), over https. Redirects are not followed. Secrets in the response are replaced with ' +
    '<concealed by anima>.',
  input: httpRequestInput,
  output: httpRequestOutput,
  annotations: { readOnlyHint: false, destructiveHint: true, idempotentHint: false, openWorldHint: true },
  run: async (input, call, scope) => {
    if (runningRequests >= maxConcurrentRequests)
      throw new ToolRefusal(`More than ${maxConcurrentRequests} concurrent requests. Wait until one ends`);
    runningRequests++;
    try {
      const draft = createDraft(input);
      return scope.settings.usesBroker
        ? await requestByBroker(input, draft, call, scope)
        : await performRequest(draft, input.method, call, scope);
    } finally {
      runningRequests--;
    }
  },
};

async function performRequest(
  draft: RequestDraft,
  method: Method,
  call: ToolCall,
  scope: ToolContext,
): Promise<HttpRequestOutput> {
  const { settings, network } = scope;
  checkHostAllowed(draft, scope);
  const values = await readValues(draft.uses, call, scope);
  const request = { url: draft.url, method, now: new Date() };
  const allowed = draft.uses.flatMap(({ reference, part, header }) =>
    checkUse({ name: reference.name, part, header }, usableOf(values, reference), request).map((use) => ({
      ...use,
      name: reference.name,
    })),
  );
  const asking = allowed.find(({ approval }) => approval !== undefined);
  if (asking !== undefined)
    throw new ToolRefusal(`${asking.name} needs the approval of a person, whom only the vault can ask: use --broker`);
  for (const { name } of new Map([...values.values()].map(({ value }) => [value.name, value])).values()) {
    const limit = Math.min(...allowed.flatMap((use) => (use.name === name ? (use.perMinute ?? []) : [])));
    if (Number.isFinite(limit)) scope.useCounter.count(name, limit, Date.now());
  }
  const texts = new Map([...values].map(([key, { value }]) => [key, value.value]));
  const { outgoing, composites } = draft.fill(texts);
  const local = settings.allowsLoopback && allowed.length > 0 && allowed.every(({ host }) => host.isLoopback);
  const ofHost = await scope.hostValues.of(draft.url, await scope.client(), settings.folder, call);
  const used = [...values.values()].map(({ value }) => ({
    text: value.value,
    isByModel: isGeneratedByModel(value.metadata),
  }));
  // The model decides how many different credentials it composes.
  const composed = composites.map((text) => ({ text, isByModel: true, isComposed: true }) as const);
  const echoes = scope.usedValues.remember([...ofHost, ...used, ...composed]);
  const most = Math.min(settings.limits.bodyBytes, ...allowed.flatMap(({ responseBytes }) => responseBytes ?? []));
  const limits = { ...settings.limits, bodyBytes: most + redactionLookAhead };
  try {
    const incoming = await sendOutboundRequest({ ...outgoing, allowsLoopback: local }, limits, network, call.signal);
    return withBodyNote(toShownResponse(incoming, echoes, most, outgoing.url), most);
  } catch (error) {
    if (error instanceof OutboundRequestError) throw new ToolRefusal(`The request failed: ${error.message}`);
    throw error;
  }
}

interface ReadValue {
  readonly value: Value;
  /** The metadata of the version and, if that is an older one, also of the current version. */
  readonly metadata: readonly Metadata[];
}

function usableOf(values: ReadonlyMap<string, ReadValue>, reference: Reference): UsableValue {
  const read = values.get(referenceKey(reference));
  if (read === undefined) throw new ToolRefusal(`${reference.name} could not be read`);
  return { value: read.value.value, metadata: read.metadata };
}

/** Reads each value once, with the metadata of the same version. */
async function readValues(
  uses: readonly PlaceholderUse[],
  call: ToolCall,
  scope: ToolContext,
): Promise<Map<string, ReadValue>> {
  const references = new Map(uses.map(({ reference }) => [referenceKey(reference), reference]));
  for (const { name } of references.values()) assertInFolder(scope, name);
  if (references.size === 0) return new Map();
  const client = await scope.client();
  const read = async ([key, reference]: [string, Reference]) =>
    [key, await readValue(client, reference, call)] as const;
  return new Map(await Promise.all([...references].map(read)));
}

/**
 * Reads a value. The rules of the current version also apply to older ones: somebody who narrows the rules of a name
 * does not expect an older version, often with the same value, to stay usable as before.
 */
async function readValue(client: Anima, { name, version }: Reference, call: ToolCall): Promise<ReadValue> {
  const value = await client.vault.getWithInfo(name, { ...call, version });
  if (version === undefined) return { value, metadata: [value.metadata] };
  const current = await readCurrentVersion(client, name, call);
  if (current.state !== 'present')
    throw new ToolRefusal(`The rules of the current version of ${name} can't be read, so no version can be used`);
  return { value, metadata: [value.metadata, current.info.metadata] };
}
