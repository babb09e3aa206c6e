import { clientEnv, localUrl } from '../../../contract/shared/environment-variables.ts';
import { isLocalOrg } from '../../../contract/shared/local-orgs.ts';
import { parseAnyKey } from '../../../core/api-keys/api-key.ts';
import { createError } from './errors.ts';

export { localUrl };

/**
 * The default address, for a key of a local vault. Any program can listen there, so the key of another vault is not
 * sent to it. A text that is not a key passes, because it is refused elsewhere.
 * @throws AnimaError missing_url
 */
export function defaultAddressFor(apiKey: string): string {
  const org = parseAnyKey(apiKey)?.org;
  return org === undefined ? localUrl : defaultAddressOf(org);
}

/** The default address, for an organization of a local vault. @throws AnimaError missing_url */
export function defaultAddressOf(org: string): string {
  if (isLocalOrg(org)) return localUrl;
  throw createError('missing_url', {
    detail:
      `no local vault has this organization, so nothing was sent to ${localUrl}. ` +
      `Set ${clientEnv.url} or baseURL to the address of its vault`,
  });
}
