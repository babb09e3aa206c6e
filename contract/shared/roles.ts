import { type Verb, verbs } from './verbs.ts';

/**
 * The verbs that each role allows. All other verbs are denied. A key can be restricted further by verbs, path prefixes
 * and an expiry. It cannot create a key with more permissions than its own.
 */
export const roles = {
  admin: verbs,
  agent: [
    'org.read',
    'values.read',
    'values.list',
    'values.use',
    'values.request',
    'values.write',
    'values.delete',
    'blobs.read',
    'blobs.write',
    'blobs.delete',
  ],
  // Uses values, asks for them, and sees their names and metadata. No verb that reads a value may be added.
  'user-of-secrets': ['org.read', 'values.list', 'values.use', 'values.request'],
  reader: ['org.read', 'values.read', 'values.list'],
  auditor: ['org.read', 'keys.read', 'audit.read', 'users.read', 'custody.read'],
} as const satisfies Record<string, readonly Verb[]>;

export type Role = keyof typeof roles;

/**
 * Roles whose keys can access the reserved names under `channels/` (environment-variables.ts, channelSecretsPrefix)
 * without listing them as prefixes. The secrets there decide which webhook requests the vault accepts. An auditor
 * cannot read or write any value, but can ask which parties have access to these secrets.
 */
export const rolesWithReservedNames: readonly Role[] = ['admin', 'auditor'];

/**
 * Verbs that affect a whole organization. A key that is restricted to path prefixes never has them, whatever its role.
 */
export const orgWideVerbs: readonly Verb[] = [
  'org.rotate',
  'org.shred',
  'audit.read',
  'blobs.list',
  'users.read',
  'users.write',
  'users.delete',
  'directory.read',
  'directory.write',
];
