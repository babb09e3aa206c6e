/** Rejects session requests from pages of another origin. */
import { VaultError } from '../../../contract/shared/vault-error.ts';
import type { ApiEvent } from '../../middleware/request-state.ts';

/**
 * Checks Fetch Metadata (`Sec-Fetch-Site`), which covers sibling hosts too: their requests carry a SameSite cookie.
 * `none` and a missing header mean that no page made the request, or that the browser has no Fetch Metadata. In both
 * cases a page would send its origin (Fetch, section 3.2), so an origin other than the one that the request was sent to
 * is rejected, and so is `null`. Programs send neither header.
 * @throws VaultError `forbidden`
 */
export function assertSameOrigin({ headers, requestContext }: Pick<ApiEvent, 'headers' | 'requestContext'>): void {
  const site = headers['sec-fetch-site'] ?? 'none';
  if (site === 'same-origin') return;
  const { origin } = headers;
  const host = headers.host ?? requestContext.domainName;
  const own = originOf(`${headers['x-forwarded-proto'] ?? 'https'}://${host}`);
  if (site === 'none' && (origin === undefined || (own !== undefined && originOf(origin) === own))) return;
  throw new VaultError('forbidden', { detail: 'A session can only be used from pages of the same origin.' });
}

/** The normalized origin of an address; undefined for `null`, lists and other text. */
function originOf(address: string): string | undefined {
  const { origin = 'null' } = URL.canParse(address) ? new URL(address) : {};
  return origin === 'null' ? undefined : origin;
}
