/** Limits of an exchange with a host, and the errors that it can end with. */
import { VaultError } from '../../contract/shared/vault-error.ts';
import { OutboundRequestError } from '../../egress/exchange/outbound-http.ts';
import { UseRefusal } from '../../egress/refusals/use-refusal.ts';

/** Maximum time until a connection is established, milliseconds. */
export const maxConnectMs = 5000;
/** Maximum bytes of the host's status line and headers. */
export const maxHeaderBytes = 16_384;

/** @throws VaultError `use_refused` for a host of the vault itself, whatever the rules of a value say */
export function assertNotVault(url: URL, ownHosts: readonly string[]): void {
  if (!ownHosts.includes(url.host)) return;
  throw new VaultError('use_refused', { detail: 'A value is never sent to the vault itself. Nothing was sent.' });
}

/** Runs a use of values, and gives its failures their codes. No message has a value. */
export async function asVaultErrors<T>(run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    if (error instanceof UseRefusal)
      throw new VaultError(error.code, { detail: `${error.message}. Nothing was sent.` });
    if (error instanceof OutboundRequestError) throw outboundError(error);
    throw error;
  }
}

export const outboundError = ({ message, stage, isTimeout }: OutboundRequestError): VaultError => {
  const outcome =
    stage === 'exchange' ? 'The host may have received the request and acted on it.' : 'Nothing was sent.';
  const detail = `The request failed: ${message}. ${outcome}`;
  if (isTimeout) return new VaultError('upstream_timeout', { detail });
  return new VaultError(stage === 'address' ? 'destination_refused' : 'upstream_failed', { detail });
};

/** The host of a request, for the audit. Undefined if the address is malformed, because it can then be any text. */
export function auditedHostOf(address: string): string | undefined {
  const host = URL.canParse(address) ? new URL(address).host : '';
  return /^[a-z0-9_.:[\]-]{1,261}$/.test(host) ? host : undefined;
}
