/** The secret by which the API recognizes requests of the page's distribution. A deployment draws it. */
import { createHash, randomBytes } from 'node:crypto';

/** Attributes of the custom resource, as read by lib/link-page/origin-secret.ts. */
interface OriginSecret {
  readonly Secret: string;
  /** In lower-case hexadecimal. */
  readonly SecretSha256: string;
}

/** Draws 32 random bytes. Every call returns another secret. */
export function drawOriginSecret(): OriginSecret {
  const secret = randomBytes(32).toString('base64url');
  return { Secret: secret, SecretSha256: createHash('sha256').update(secret).digest('hex') };
}
