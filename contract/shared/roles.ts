import { type Verb, verbs } from './verbs.ts';

/**
 * What an API key of a role may do; what is not listed is denied. A key may be narrowed further by verbs, path
 * prefixes and an expiry, and can make no key that is stronger than itself.
 */
export const roles = {
  admin: verbs,
  agent: [
    'org.read',
    'values.read',
    'values.list',
    'values.write',
    'values.delete',
    'blobs.read',
    'blobs.write',
    'blobs.delete',
  ],
  reader: ['org.read', 'values.read', 'values.list'],
  auditor: ['org.read', 'keys.read', 'audit.read', 'users.read', 'custody.read'],
} as const satisfies Record<string, readonly Verb[]>;

export type Role = keyof typeof roles;

/**
 * Roles of which a key that is not limited to prefixes has the reserved names among its own, which are those under `channels/`
 * (environment.ts, channelSecretsPrefix): the secrets there decide whom the vault believes. An auditor reads and writes no value; it may
 * ask who opens these.
 */
export const rolesWithReservedNames: readonly Role[] = ['admin', 'auditor'];

/** Verbs over all of an organization: a key that is limited to path prefixes never has them, whatever its role. */
export const orgWideVerbs: readonly Verb[] = [
  'org.rotate',
  'org.shred',
  'audit.read',
  'blobs.list',
  'users.read',
  'users.write',
  'users.delete',
];
