/** `http_request`: an HTTP request in which values stand that the model never sees. */
import type * as z from 'zod';
import type { Anima, Value } from '../../sdk/src/index.ts';
import { type Reference, referenceKey } from '../secrets/secret-references.ts';
import { type Draft, draftOf, httpRequestInput } from './http-request-draft.ts';
import { answerOf, httpRequestOutput } from './http-response.ts';
import { ExchangeProblem, exchange } from './outbound-http.ts';
import type { Use } from './request-placeholders.ts';
import { lookAhead } from './response-redaction.ts';
import { type Call, inFolder, type Scope } from './tool-context.ts';
import type { Tool } from './tool-definition.ts';
import { Refusal } from './tool-refusal.ts';
import { type HostRule, hostText, type Method, RuleProblem, ruleFor, useKeys, useRulesOf } from './usage-rules.ts';

/** Bytes of a value that can be used, and characters below which it could not be told from other text in an answer. */
const longestUsed = 4096;
const shortestUsed = 4;

/** Requests that one server makes at a time. */
const mostAtOnce = 8;
let running = 0;

export const httpRequest: Tool<typeof httpRequestInput, typeof httpRequestOutput> = {
  name: 'http_request',
  title: 'HTTP request with secrets',
  description:
    'Makes an HTTP request in which placeholders {{anima://path}} (or {{anima://path?version=N}}) in headers, query, basicAuth or body are ' +
    'replaced by secrets that you never see, e.g. headers {"authorization": "Bearer {{anima://prod/stripe/key}}"}. A secret goes only to hosts ' +
    'that its metadata allows (describe_secret tells them), over https. Redirects are not followed. Where the answer repeats a secret, ' +
    '<concealed by anima> stands instead.',
  input: httpRequestInput,
  output: httpRequestOutput,
  annotations: { readOnlyHint: false, destructiveHint: true, idempotentHint: false, openWorldHint: true },
  run: async (input, call, scope) => {
    if (running >= mostAtOnce) throw new Refusal(`More than ${mostAtOnce} requests at once. Wait for one to end`);
    running++;
    try {
      return await requestWith(draftOf(input), input.method, call, scope);
    } finally {
      running--;
    }
  },
};

async function requestWith(
  draft: Draft,
  method: Method,
  call: Call,
  scope: Scope,
): Promise<z.infer<typeof httpRequestOutput>> {
  const { settings, network } = scope;
  checkHost(draft, scope);
  const values = await readValues(draft.uses, call, scope);
  const rules = draft.uses.map((use) => checkUse(use, values.get(referenceKey(use.reference)), draft.url, method));
  const texts = new Map([...values].map(([key, { value }]) => [key, value]));
  const { outgoing, composites } = draft.fill(texts);
  const local = settings.local && rules.length > 0 && rules.every((rule) => rule.local);
  const echoes = scope.used.add([...texts.values(), ...composites]);
  const limits = { ...settings.limits, bodyBytes: settings.limits.bodyBytes + lookAhead };
  try {
    const incoming = await exchange({ ...outgoing, local }, limits, network, call.signal);
    return answerOf(incoming, echoes, settings.limits.bodyBytes, outgoing.url);
  } catch (error) {
    if (error instanceof ExchangeProblem) throw new Refusal(`There is no answer to tell: ${error.message}`);
    throw error;
  }
}

/** What can be refused before a value is read. */
function checkHost({ url, uses }: Draft, { settings }: Scope): void {
  if (settings.hosts !== undefined && ruleFor(settings.hosts, url) === undefined) {
    throw new Refusal(`This server makes requests only to: ${hostList(settings.hosts)}`);
  }
  if (uses.length > 0) return;
  if (!settings.plainRequests) {
    throw new Refusal(
      'The request holds no {{anima://path}} placeholder. This tool is for requests that need a secret; ' +
        'others are made only where the server was started with --allow-plain-requests',
    );
  }
  if (url.protocol !== 'https:') throw new Refusal('url must begin with https://');
}

/** Each value once, with the metadata of that very version. */
async function readValues(uses: readonly Use[], call: Call, scope: Scope): Promise<Map<string, Value>> {
  const references = new Map(uses.map(({ reference }) => [referenceKey(reference), reference]));
  for (const { name } of references.values()) inFolder(scope, name);
  if (references.size === 0) return new Map();
  const client = await scope.client();
  const read = async ([key, reference]: [string, Reference]) =>
    [key, await readValue(client, reference, call)] as const;
  return new Map(await Promise.all([...references].map(read)));
}

const readValue = (client: Anima, { name, version }: Reference, call: Call): Promise<Value> =>
  client.vault.getWithInfo(name, { ...call, version });

/** @throws Refusal when the metadata of a value does not allow what is to be done with it */
function checkUse({ reference: { name }, part }: Use, value: Value | undefined, url: URL, method: Method): HostRule {
  if (value === undefined) throw new Refusal(`${name} could not be read`);
  if ([...value.value].length < shortestUsed || Buffer.byteLength(value.value) > longestUsed) {
    throw new Refusal(
      `${name} can't be used: a value must be ${shortestUsed} characters to ${longestUsed} bytes long, so that it is found again in answers`,
    );
  }
  const rules = rulesOf(value);
  const rule = ruleFor(rules.hosts, url);
  if (rule === undefined) {
    const allowed = rules.hosts.length === 0 ? `no host: its metadata has no ${useKeys.hosts}` : hostList(rules.hosts);
    throw new Refusal(`${name} may not be sent to that host. It allows ${allowed}`);
  }
  if (!rules.methods.includes(method)) throw new Refusal(`${name} may be used with ${rules.methods.join(', ')} only`);
  if (!rules.places.includes(part)) throw new Refusal(`${name} may stand only in: ${rules.places.join(', ')}`);
  return rule;
}

function rulesOf({ name, metadata }: Value) {
  try {
    return useRulesOf(metadata);
  } catch (error) {
    if (error instanceof RuleProblem) throw new Refusal(`${name} can't be used: ${error.message}`);
    throw error;
  }
}

const hostList = (rules: readonly HostRule[]): string => rules.map(hostText).join(', ');
