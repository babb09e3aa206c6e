/** Tools for values: list, describe and generate; reveal only if enabled. */

import * as z from 'zod';
import { InvalidUsageRuleError } from '../../egress/rules/invalid-usage-rule.ts';
import {
  findMatchingRule,
  formatHostRule,
  type HostRule,
  methods,
  parseHosts,
  parseUsageRules,
  requestParts,
  usageRuleKeys,
} from '../../egress/rules/usage-rules.ts';
import { ConflictError, type ValueInfo, type VersionInfo } from '../../sdk/src/index.ts';
import { isMetadataByModel, type Metadata, model, originKeys, readCurrentVersion } from '../secrets/value-metadata.ts';
import { generateRandomSecret, maxSecretLength, secretKinds } from './secret-generator.ts';
import { assertInFolder, type ToolCall, type ToolContext } from './tool-context.ts';
import type { Tool } from './tool-definition.ts';
import { ToolRefusal } from './tool-refusal.ts';

const name = z.string().min(1).max(256).describe('Name of the secret, a path such as prod/stripe/key');

const versionFields = {
  version: z.number().int(),
  createdAt: z.string(),
  expiresAt: z.string().optional(),
  metadata: z.record(z.string(), z.string()),
};

const toVersionFacts = ({ version, createdAt, expiresAt, metadata }: VersionInfo) => ({
  version,
  createdAt,
  ...(expiresAt === undefined ? {} : { expiresAt }),
  metadata,
});

const readOnlyAnnotations = { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false };

const listInput = z.strictObject({
  prefix: z.string().max(256).optional().describe('Prefix of the names, e.g. prod/'),
  limit: z.number().int().min(1).max(100).default(50),
  cursor: z.string().max(4096).optional().describe('Cursor from the previous page'),
});
const listOutput = z.strictObject({
  secrets: z.array(z.strictObject({ name: z.string(), ...versionFields })),
  damaged: z.array(z.string()).optional().describe('Secrets that could not be decrypted'),
  cursor: z.string().optional().describe('Present if there are more results: pass it with the same prefix'),
});

export const listSecrets: Tool<typeof listInput, typeof listOutput> = {
  name: 'list_secrets',
  title: 'List secrets',
  description: 'Lists names and metadata of the secrets in the vault, page by page, never their values.',
  input: listInput,
  output: listOutput,
  annotations: readOnlyAnnotations,
  run: async ({ prefix = '', limit, cursor }, call, scope) => {
    const { folder } = scope.settings;
    // With the folder `prod/`, the prefix `pro` is narrowed to the folder itself.
    const within = folder.startsWith(prefix) ? folder : assertInFolder(scope, prefix);
    const client = await scope.client();
    const page = await client.vault.list({ ...call, prefix: within, pageSize: limit }).page(cursor);
    const secrets = page.values.filter((info) => info.name.startsWith(folder));
    const damaged = (page.damaged ?? []).filter((name) => name.startsWith(folder));
    return {
      secrets: secrets.map((info: ValueInfo) => ({ name: info.name, ...toVersionFacts(info) })),
      ...(damaged.length === 0 ? {} : { damaged }),
      ...(page.cursor === undefined ? {} : { cursor: page.cursor }),
    };
  },
};

/** Only the current version decides how a secret may be used. It is never among the damaged ones. */
const ignoreDamaged = () => {};

const describeInput = z.strictObject({ name });
const describeOutput = z.strictObject({
  name: z.string(),
  placeholder: z.string().describe('Placeholder for http_request'),
  allowedHosts: z.array(z.string()).describe('Hosts it may be sent to; if empty, none'),
  allowedMethods: z.array(z.enum(methods)),
  allowedIn: z.array(z.enum(requestParts)),
  problem: z.string().optional().describe('Why its metadata does not allow it to be used'),
  versions: z.array(z.strictObject(versionFields)).describe('Newest first; the first is the current one'),
});

export const describeSecret: Tool<typeof describeInput, typeof describeOutput> = {
  name: 'describe_secret',
  title: 'Describe a secret',
  description: 'Returns versions, metadata and allowed hosts of a secret, without its value.',
  input: describeInput,
  output: describeOutput,
  annotations: readOnlyAnnotations,
  run: async (input, call, scope) => {
    const client = await scope.client();
    const versions = await client.vault.versions(assertInFolder(scope, input.name), {
      ...call,
      onDamaged: ignoreDamaged,
    });
    return {
      name: input.name,
      placeholder: `{{anima://${input.name}}}`,
      ...allowedUseOf(versions[0]?.metadata ?? {}),
      versions: versions.map(toVersionFacts),
    };
  },
};

function allowedUseOf(metadata: Readonly<Record<string, string>>) {
  try {
    const { hosts, methods, requestParts } = parseUsageRules(metadata);
    return { allowedHosts: hosts.map(formatHostRule), allowedMethods: [...methods], allowedIn: [...requestParts] };
  } catch (error) {
    if (!(error instanceof InvalidUsageRuleError)) throw error;
    return { allowedHosts: [], allowedMethods: [], allowedIn: [], problem: error.message };
  }
}

const generateInput = z.strictObject({
  name,
  kind: z.enum(secretKinds).default('password'),
  length: z.number().int().min(1).max(maxSecretLength).optional().describe('Length in characters; not for uuid'),
  alphabet: z.string().min(2).max(94).optional().describe('Alphabet of a password'),
  replace: z.boolean().default(false).describe('Whether to add a new version if the secret exists'),
  allowedHosts: z
    .array(z.string().max(256))
    .max(16)
    .optional()
    .describe('Hosts it may be sent to; not for a name whose hosts a person chose'),
  note: z.string().max(256).optional().describe('Purpose of the secret'),
  expiresInSeconds: z.number().int().min(1).max(315_360_000).optional(),
});
const generateOutput = z.strictObject({
  name: z.string(),
  version: z.number().int(),
  placeholder: z.string(),
  length: z.number().int(),
  replaced: z.boolean(),
});

export const generateSecret: Tool<typeof generateInput, typeof generateOutput> = {
  name: 'generate_secret',
  title: 'Generate a secret',
  description:
    'Generates a random secret and stores it under a name. You do not see it; use its placeholder in http_request. ' +
    'Fails if the name is taken, unless replace is true. Replacing keeps the metadata and hosts that a person chose; hosts that you chose must be given again.',
  input: generateInput,
  output: generateOutput,
  annotations: { readOnlyHint: false, destructiveHint: true, idempotentHint: false, openWorldHint: false },
  run: async (input, call, scope) => {
    const value = generateRandomSecret(input);
    const client = await scope.client();
    const current = await findReplaceableVersion(assertInFolder(scope, input.name), input.replace, call, scope);
    const kept = metadataOfPerson(current);
    if (kept !== undefined && input.allowedHosts !== undefined) {
      throw new ToolRefusal(`${input.name} exists: its allowed hosts can't be changed here`);
    }
    const metadata = {
      ...(kept ?? { [originKeys.metadata]: model }),
      [originKeys.value]: model,
      ...(input.allowedHosts === undefined
        ? {}
        : { [usageRuleKeys.hosts]: checkAllowedHosts(input.allowedHosts, scope) }),
      ...(input.note === undefined ? {} : { note: input.note }),
    };
    const options = { ...call, metadata, ifVersion: current?.version ?? 0, expiresIn: input.expiresInSeconds };
    const { version } = await client.vault
      .set(assertInFolder(scope, input.name), value, options)
      .catch(refuseIfConflict(input.name));
    return {
      name: input.name,
      version,
      placeholder: `{{anima://${input.name}}}`,
      length: value.length,
      replaced: current !== undefined,
    };
  },
};

/**
 * The version that the secret replaces; undefined for a new name. @throws ToolRefusal if the name is taken. An expired
 * value also takes its name: its rules cannot be read, and a person may still expect the secret there.
 */
async function findReplaceableVersion(
  of: string,
  replace: boolean,
  call: ToolCall,
  scope: ToolContext,
): Promise<VersionInfo | undefined> {
  const current = await readCurrentVersion(await scope.client(), of, call);
  switch (current.state) {
    case 'none':
      return undefined;
    case 'present':
      if (replace) return current.info;
      throw new ToolRefusal(`${of} exists. Nothing was stored; pass replace: true to create a new version`);
    case 'expired':
      throw new ToolRefusal(
        `${of} exists, but has expired. Nothing was stored; use another name, or ask the user to store or delete it`,
      );
    case 'forbidden':
      throw new ToolRefusal(
        `This server's key has no permission to list ${of}, so it is unknown whether it exists. Nothing was stored`,
      );
    case 'damaged':
      throw new ToolRefusal(
        `${of} exists, but cannot be decrypted. Nothing was stored; use another name, or ask the user to store or delete it`,
      );
  }
}

/** The metadata that a person decided. It stays with the name, and a model cannot change its rules. */
const metadataOfPerson = (current: VersionInfo | undefined): Metadata | undefined =>
  current === undefined || isMetadataByModel(current.metadata) ? undefined : current.metadata;

/** @throws ToolRefusal for invalid hosts, or hosts that this server does not send requests to */
function checkAllowedHosts(hosts: readonly string[], { settings }: ToolContext): string {
  const text = hosts.join(', ');
  if (text.length > 512) throw new ToolRefusal('allowedHosts exceed 512 characters in total');
  const rules = hosts.length === 0 ? [] : parseHostsOrRefuse(text);
  const limit = settings.hosts;
  if (limit !== undefined && !rules.every((rule) => isRuleWithin(rule, limit))) {
    throw new ToolRefusal(`This server makes requests only to: ${limit.map(formatHostRule).join(', ')}`);
  }
  return text;
}

function parseHostsOrRefuse(text: string): HostRule[] {
  try {
    return parseHosts(text);
  } catch (error) {
    throw error instanceof InvalidUsageRuleError ? new ToolRefusal(error.message) : error;
  }
}

function isRuleWithin({ protocol, hostname, matchesSubdomains, port }: HostRule, limit: readonly HostRule[]): boolean {
  const limiting = findMatchingRule(
    limit,
    new URL(`${protocol}//${matchesSubdomains ? 'any.' : ''}${hostname}:${port}`),
  );
  return limiting !== undefined && (limiting.matchesSubdomains || !matchesSubdomains);
}

const refuseIfConflict =
  (of: string) =>
  (error: unknown): never => {
    if (!(error instanceof ConflictError)) throw error;
    throw new ToolRefusal(
      `${of} exists, or was changed at the same time. Nothing was stored; pass replace: true to create a new version`,
    );
  };

const revealInput = z.strictObject({ name, version: z.number().int().min(1).optional() });
const revealOutput = z.strictObject({ name: z.string(), version: z.number().int(), value: z.string() });

export const revealSecret: Tool<typeof revealInput, typeof revealOutput> = {
  name: 'reveal_secret',
  title: 'Reveal a secret',
  description: 'Shows the value of a secret. It becomes part of this conversation; prefer http_request.',
  input: revealInput,
  output: revealOutput,
  annotations: readOnlyAnnotations,
  run: async (input, call, scope) => {
    const client = await scope.client();
    const read = await client.vault.getWithInfo(assertInFolder(scope, input.name), { ...call, version: input.version });
    return { name: read.name, version: read.version, value: read.value };
  },
};
