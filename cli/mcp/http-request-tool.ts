/** `http_request`: an HTTP request with values that the model never sees. */
import type * as z from 'zod';
import type { Anima, Value } from '../../sdk/src/index.ts';
import { type Reference, referenceKey } from '../secrets/secret-references.ts';
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
  type Method,
  parseUsageRules,
  usageMetadataKeys,
} from './usage-rules.ts';

/**
 * Maximum bytes of a usable value, and minimum characters. Shorter values could not be distinguished from other text
 * in a response.
 */
const maxUsableBytes = 4096;
const minUsableCharacters = 4;

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
  const rules = draft.uses.map((use) => checkUse(use, values.get(referenceKey(use.reference)), draft.url, method));
  const texts = new Map([...values].map(([key, { value }]) => [key, value]));
  const { outgoing, composites } = draft.fill(texts);
  const local = settings.allowsLoopback && rules.length > 0 && rules.every((rule) => rule.isLoopback);
  const echoes = scope.usedValues.remember([...texts.values(), ...composites]);
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

/** Reads each value once, with the metadata of the same version. */
async function readValues(
  uses: readonly PlaceholderUse[],
  call: ToolCall,
  scope: ToolContext,
): Promise<Map<string, Value>> {
  const references = new Map(uses.map(({ reference }) => [referenceKey(reference), reference]));
  for (const { name } of references.values()) assertInFolder(scope, name);
  if (references.size === 0) return new Map();
  const client = await scope.client();
  const read = async ([key, reference]: [string, Reference]) =>
    [key, await readValue(client, reference, call)] as const;
  return new Map(await Promise.all([...references].map(read)));
}

const readValue = (client: Anima, { name, version }: Reference, call: ToolCall): Promise<Value> =>
  client.vault.getWithInfo(name, { ...call, version });

/** @throws ToolRefusal if the metadata of a value does not allow this use */
function checkUse(
  { reference: { name }, part }: PlaceholderUse,
  value: Value | undefined,
  url: URL,
  method: Method,
): HostRule {
  if (value === undefined) throw new ToolRefusal(`${name} could not be read`);
  if ([...value.value].length < minUsableCharacters || Buffer.byteLength(value.value) > maxUsableBytes) {
    throw new ToolRefusal(
      `${name} can't be used: a value must be ${minUsableCharacters} characters to ${maxUsableBytes} bytes long, so that it can be redacted in responses`,
    );
  }
  const rules = usageRulesOf(value);
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

function usageRulesOf({ name, metadata }: Value) {
  try {
    return parseUsageRules(metadata);
  } catch (error) {
    if (error instanceof InvalidUsageRuleError) throw new ToolRefusal(`${name} can't be used: ${error.message}`);
    throw error;
  }
}

const formatHostRules = (rules: readonly HostRule[]): string => rules.map(formatHostRule).join(', ');
