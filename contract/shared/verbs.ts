/** Verbs that API keys can be allowed to use. Roles (roles.ts) consist of these. */
export const verbs = [
  'org.read',
  'org.rotate',
  'org.shred',
  'keys.read',
  'keys.write',
  'audit.read',
  'values.read',
  'values.list',
  // Sends a value to a host that its rules allow. The caller does not receive it.
  'values.use',
  // Asks a person for a value, without receiving it.
  'values.request',
  'values.write',
  'values.delete',
  'values.destroy',
  'blobs.read',
  'blobs.list',
  'blobs.write',
  'blobs.delete',
  // None of these verbs decrypts user data. That requires a key slot of the user.
  'users.read',
  'users.write',
  'users.delete',
  'custody.read',
  // Who writes entries needs the keys of the directory too: the service can add nobody to it.
  'directory.read',
  'directory.write',
] as const;
export type Verb = (typeof verbs)[number];

/**
 * Verbs that exist only in the audit. They are for actions without an API key, so they are never allowed or denied to a
 * key.
 */
export const auditOnlyVerbs = [
  'org.create',
  'links.open',
  'links.burn',
  'requests.fill',
  'requests.deny',
  'account.read',
  'account.write',
  'account.delete',
  'logins.use',
  'sessions.start',
  'sessions.end',
  'memory.read',
  'memory.write',
  'memory.delete',
  'devices.read',
  'devices.write',
  'devices.pair',
  'devices.delete',
  'sessions.enroll',
  'sessions.write',
  'sessions.claim',
  'approvals.answer',
  'messages.read',
  'messages.receive',
  'messages.answer',
] as const;
export type AuditOnlyVerb = (typeof auditOnlyVerbs)[number];
