import type { Verb } from './routes.ts';

/**
 * What an API key of a role may do; what is not listed is denied. An admin can make any key, so holding a verb
 * back from it would protect nothing.
 */
export const roles = {
  admin: ['org.read', 'keys.read', 'keys.write', 'values.read', 'values.list', 'values.write', 'values.delete'],
  agent: ['org.read', 'values.read', 'values.list', 'values.write', 'values.delete'],
} as const satisfies Record<string, readonly Verb[]>;

export type Role = keyof typeof roles;
