/**
 * Organization ids of local vaults. A client without an address sends a key to the default address of the local vault
 * only if its organization has such an id. Any program can listen at that address, and the key of a deployment must
 * not reach it.
 *
 * Ids of deployments never begin with the prefix: the service draws them from an alphabet without `l` and `o`
 * (core/encoding/random-id.ts), and callers cannot choose them.
 */
export const localOrgPrefix = 'local';

export const isLocalOrg = (org: string): boolean => org.startsWith(localOrgPrefix);
