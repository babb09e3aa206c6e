/** What an API key must be allowed to do. Roles (roles.ts) are made of these. */
export const verbs = [
  'org.read',
  'org.rotate',
  'org.shred',
  'keys.read',
  'keys.write',
  'audit.read',
  'values.read',
  'values.list',
  'values.write',
  'values.delete',
  'values.destroy',
  'blobs.read',
  'blobs.list',
  'blobs.write',
  'blobs.delete',
  // None of these decrypts user data: only a slot of the user does.
  'users.read',
  'users.write',
  'users.delete',
  'custody.read',
] as const;
export type Verb = (typeof verbs)[number];

/** What the audit records beside verbs: done without an API key, so no key is ever allowed or denied it. */
export const auditOnlyVerbs = [
  'org.create',
  'links.open',
  'links.burn',
  'account.read',
  'account.write',
  'account.delete',
  'sessions.start',
  'sessions.end',
  'memory.read',
  'memory.write',
  'memory.delete',
  'messages.read',
  'messages.receive',
  'messages.answer',
] as const;
export type AuditOnlyVerb = (typeof auditOnlyVerbs)[number];
