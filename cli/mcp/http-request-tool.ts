/** `http_request`: an HTTP request with values that the model never sees. */
import type * as z from 'zod';
import type { Anima, Value } from '../../sdk/src/index.ts';
import { type Reference, referenceKey } from '../secrets/secret-references.ts';
import { isGeneratedByModel, type Metadata, readCurrentVersion } from '../secrets/value-metadata.ts';
import { createDraft, type HttpRequestDraft, httpRequestInput } from './http-request-draft.ts';
import { httpRequestOutput, toHttpRequestOutput } from './http-response.ts';
import { OutboundRequestError, sendOutboundRequest } from './outbound-http.ts';
import type { PlaceholderUse } from './request-placeholders.ts';
import { redactionLookAhead } from './response-redaction.ts';
import { assertInFolder, type ToolCall, type ToolContext } from './tool-context.ts';
import type { Tool } from './tool-definition.ts';
import { ToolRefusal } from './tool-refusal.ts';
import {
  findMatchingRule,
  formatHostRule,
  type HostRule,
  InvalidUsageRuleError,
  isUsableValue,
  type Method,
  maxUsableBytes,
  minUsableCharacters,
  parseUsageRules,
  type RequestPart,
  type UsageRules,
  usageMetadataKeys,
} from './usage-rules.ts';

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
      return await performRequest(createDraft(input), input.method, call, scope);
    } finally {
      runningRequests--;
    }
  },
};

async function performRequest(
  draft: HttpRequestDraft,
  method: Method,
  call: ToolCall,
  scope: ToolContext,
): Promise<z.infer<typeof httpRequestOutput>> {
  const { settings, network } = scope;
  checkHostAllowed(draft, scope);
  const values = await readValues(draft.uses, call, scope);
  const rules = draft.uses.flatMap((use) => checkUse(use, values.get(referenceKey(use.reference)), draft.url, method));
  const texts = new Map([...values].map(([key, { value }]) => [key, value.value]));
  const { outgoing, composites } = draft.fill(texts);
  const local = settings.allowsLoopback && rules.length > 0 && rules.every((rule) => rule.isLoopback);
  const ofHost = await scope.hostValues.of(draft.url, await scope.client(), settings.folder, call);
  const used = [...values.values()].map(({ value }) => ({
    text: value.value,
    isByModel: isGeneratedByModel(value.metadata),
  }));
  // The model decides how many different credentials it composes.
  const composed = composites.map((text) => ({ text, isByModel: true }));
  const echoes = scope.usedValues.remember([...ofHost, ...used, ...composed]);
  const limits = { ...settings.limits, bodyBytes: settings.limits.bodyBytes + redactionLookAhead };
  try {
    const incoming = await sendOutboundRequest({ ...outgoing, allowsLoopback: local }, limits, network, call.signal);
    return toHttpRequestOutput(incoming, echoes, settings.limits.bodyBytes, outgoing.url);
  } catch (error) {
    if (error instanceof OutboundRequestError) throw new ToolRefusal(`The request failed: ${error.message}`);
    throw error;
  }
}

/** Checks that need no values. */
function checkHostAllowed({ url, uses }: HttpRequestDraft, { settings }: ToolContext): void {
  if (settings.hosts !== undefined && findMatchingRule(settings.hosts, url) === undefined) {
    throw new ToolRefusal(`This server makes requests only to: ${formatHostRules(settings.hosts)}`);
  }
  if (uses.length > 0) return;
  if (!settings.allowsPlainRequests) {
    throw new ToolRefusal(
      'The request contains no {{anima://path}} placeholder. This tool is for requests that need a secret; ' +
        'other requests are allowed only if the server was started with --allow-plain-requests',
    );
  }
  if (url.protocol !== 'https:') throw new ToolRefusal('url must begin with https://');
}

/** A value, and the metadata that its use must comply with. */
interface UsableValue {
  readonly value: Value;
  /** The metadata of the version and, if that is an older one, also of the current version. */
  readonly metadata: readonly Metadata[];
}

/** Reads each value once, with the metadata of the same version. */
async function readValues(
  uses: readonly PlaceholderUse[],
  call: ToolCall,
  scope: ToolContext,
): Promise<Map<string, UsableValue>> {
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
async function readValue(client: Anima, { name, version }: Reference, call: ToolCall): Promise<UsableValue> {
  const value = await client.vault.getWithInfo(name, { ...call, version });
  if (version === undefined) return { value, metadata: [value.metadata] };
  const current = await readCurrentVersion(client, name, call);
  if (current.state !== 'present')
    throw new ToolRefusal(`The rules of the current version of ${name} can't be read, so no version can be used`);
  return { value, metadata: [value.metadata, current.info.metadata] };
}

/** @throws ToolRefusal if the metadata of a value does not allow this use */
function checkUse(
  { reference: { name }, part }: PlaceholderUse,
  usable: UsableValue | undefined,
  url: URL,
  method: Method,
): HostRule[] {
  if (usable === undefined) throw new ToolRefusal(`${name} could not be read`);
  const { value, metadata } = usable;
  if (!isUsableValue(value.value)) {
    throw new ToolRefusal(
      `${name} can't be used: a value must be ${minUsableCharacters} characters to ${maxUsableBytes} bytes long, so that it can be redacted in responses`,
    );
  }
  return metadata.map((entries) => checkRules(name, usageRulesOf(name, entries), part, url, method));
}

function checkRules(name: string, rules: UsageRules, part: RequestPart, url: URL, method: Method): HostRule {
  const rule = findMatchingRule(rules.hosts, url);
  if (rule === undefined) {
    const allowed =
      rules.hosts.length === 0
        ? `no host: its metadata has no ${usageMetadataKeys.hosts}`
        : formatHostRules(rules.hosts);
    throw new ToolRefusal(`${name} must not be sent to that host. It allows ${allowed}`);
  }
  if (!rules.methods.includes(method))
    throw new ToolRefusal(`${name} is allowed only with ${rules.methods.join(', ')}`);
  if (!rules.requestParts.includes(part))
    throw new ToolRefusal(`${name} is allowed only in: ${rules.requestParts.join(', ')}`);
  return rule;
}

function usageRulesOf(name: string, metadata: Metadata): UsageRules {
  try {
    return parseUsageRules(metadata);
  } catch (error) {
    if (error instanceof InvalidUsageRuleError) throw new ToolRefusal(`${name} can't be used: ${error.message}`);
    throw error;
  }
}

const formatHostRules = (rules: readonly HostRule[]): string => rules.map(formatHostRule).join(', ');
