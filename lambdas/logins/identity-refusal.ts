/** The one answer to every identity that a login does not accept. */
import { VaultError } from '../../contract/shared/vault-error.ts';
import type { IdentityRefusalReason } from '../shared/identity-refusal-reason.ts';

const detail =
  'No key was created. Compare issuer, audience, claims and time of the identity with the login, and use each ' +
  'identity once. The log of the deployment has the reason.';

export class IdentityRefusedError extends VaultError {
  readonly reason: IdentityRefusalReason;

  constructor(reason: IdentityRefusalReason) {
    super('identity_refused', { detail });
    this.reason = reason;
  }
}
