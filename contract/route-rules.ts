/**
 * Rules for requests that JSON Schema cannot express, for the OpenAPI document. A request that breaks a rule gets the
 * code; in a batch, only the item that breaks it.
 */
import type { RouteId } from './routes.ts';
import type { ErrorCode } from './shared/error-codes.ts';
import { limits } from './shared/limits.ts';

interface Rule {
  readonly code: ErrorCode;
  readonly text: string;
}

export const rules = {
  times: { code: 'invalid_request', text: 'A time is in the years 0000 to 9999, also in UTC.' },
  loginIdentity: {
    code: 'invalid_request',
    text: 'The request has exactly one of `oidc` and `aws`. The issuer is an https URL, names one tenant, and the claims identify the workload by ids that no one else can get (docs/workload-identity.md). Keys of `oidc.keys` are complete public keys.',
  },
  future: { code: 'invalid_request', text: '`expiresAt` is later than the time of the request.' },
  valueBytes: {
    code: 'value_too_large',
    text: `\`value\` has at most ${limits.valueBytes} bytes of UTF-8, also if it has fewer characters.`,
  },
  olderVersion: {
    code: 'invalid_request',
    text: '`version` is not the current version, which is only deleted together with the value.',
  },
  precondition: {
    code: 'invalid_request',
    text: '`ifVersion` is absent if the request has `If-Match` or `If-None-Match`.',
  },
  distinctNames: { code: 'invalid_request', text: 'No two items have the same `name`.' },
  distinctIds: { code: 'invalid_request', text: 'No two items have the same `id`.' },
  confirmName: { code: 'invalid_request', text: '`confirm` is the name of the value.' },
  confirmOrg: { code: 'invalid_request', text: '`confirm` is the ID of the organization.' },
  ownOverlap: {
    code: 'invalid_request',
    text: 'A key that replaces itself has an overlap that lets it repeat the request after a lost response.',
  },
  deploymentSize: {
    code: 'blob_too_large',
    text: '`size` does not exceed the maximum of the deployment, which can be lower than the maximum of the schema.',
  },
  partSizes: {
    code: 'invalid_request',
    text: 'No part occurs twice, and each has the size that its number has in the announced blob (docs/format.md).',
  },
  partUpload: { code: 'invalid_request', text: 'The blob was created to be uploaded in parts.' },
  newOpening: { code: 'invalid_request', text: '`opening` does not name an opening whose download URL has expired.' },
  burnable: { code: 'invalid_request', text: 'The blob was created with `burn`.' },
  ownUserKey: { code: 'invalid_request', text: '`newKey` has a valid checksum, and is a key of the same user.' },
  sessionPassword: { code: 'invalid_request', text: 'A request with a session has `currentPassword`.' },
  notPassword: { code: 'invalid_request', text: 'The slot is not that of the password.' },
  usesValue: {
    code: 'invalid_request',
    text: '`url` is an absolute `https` or `http` URL, there is a placeholder or `auth`, placeholders and references have the documented form, and at most one body is present, none with GET or HEAD (docs/broker.md).',
  },
  secretRules: {
    code: 'invalid_request',
    text: 'The sealed secret has the documented form, at most 65536 bytes of UTF-8, and valid rules of use (docs/secret-requests.md).',
  },
  recordDepth: {
    code: 'invalid_request',
    text: `\`data\` has at most ${limits.recordDepth} nested levels, no member \`__proto__\`, and no number out of range.`,
  },
  recordPlacement: {
    code: 'invalid_request',
    text: `\`id\` and \`key\` are not both present. \`index\` selects at most ${limits.indexValues} values of \`data\`.`,
  },
  upsert: {
    code: 'invalid_request',
    text: '`ifVersion` and `writeId` are absent unless `upsert` is true, which needs `id` or `key`.',
  },
  searchConditions: {
    code: 'invalid_request',
    text: '`words` has a letter or a digit. `near` is not combined with `key`.',
  },
  embeddingNumbers: {
    code: 'invalid_request',
    text: `\`embeddings\` have at most ${limits.embeddingNumbers} numbers in all.`,
  },
  recordBytes: { code: 'record_too_large', text: `\`data\` has at most ${limits.recordBytes} bytes of JSON.` },
} as const satisfies Record<string, Rule>;

export type RuleId = keyof typeof rules;

export const rulesByRoute: Readonly<Partial<Record<RouteId, readonly RuleId[]>>> = {
  createKey: ['future', 'times'],
  rotateKey: ['ownOverlap'],
  createLogin: ['future', 'times', 'loginIdentity'],
  queryAudit: ['times'],
  setValue: ['future', 'times', 'valueBytes', 'precondition'],
  setValues: ['future', 'times', 'valueBytes', 'distinctNames'],
  deleteValue: ['olderVersion'],
  fetch: ['usesValue'],
  fillSecretRequest: ['secretRules'],
  destroyValue: ['confirmName'],
  shredOrg: ['confirmOrg'],
  createBlob: ['deploymentSize'],
  listParts: ['partUpload'],
  grantParts: ['partUpload', 'partSizes'],
  openLink: ['newOpening'],
  burnLink: ['burnable'],
  changeUserKey: ['ownUserKey'],
  setPassword: ['sessionPassword'],
  removePassword: ['sessionPassword'],
  startLink: ['sessionPassword'],
  removeSlot: ['sessionPassword', 'notPassword'],
  deleteAccount: ['sessionPassword'],
  addMemory: ['times', 'recordDepth', 'recordBytes', 'embeddingNumbers', 'recordPlacement', 'upsert'],
  addMemories: ['times', 'recordDepth', 'recordBytes', 'embeddingNumbers', 'recordPlacement', 'upsert', 'distinctIds'],
  replaceMemory: ['recordDepth', 'recordBytes'],
  searchMemory: ['searchConditions'],
};
