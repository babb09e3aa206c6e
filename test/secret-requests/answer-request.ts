/** Answers requests for a secret like the page does, over HTTP. */
import { toBase64 } from '../../core/encoding/bytes.ts';
import {
  formatSecretLinkId,
  parseSecretFragment,
  parseSecretLinkId,
  type SecretLinkKeys,
  type SecretRequestId,
} from '../../core/secret-requests/request-link.ts';
import { computeSecretRequestProof, type SecretRequestPurpose } from '../../core/secret-requests/request-proof.ts';
import { sealTypedSecret, type TypedSecret } from '../../core/secret-requests/sealed-secret.ts';

export interface OpenedLink extends SecretLinkKeys {
  readonly id: SecretRequestId;
  /** The path part. */
  readonly link: string;
}

export function openLink(url: string): OpenedLink {
  const { pathname, hash } = new URL(url);
  const link = pathname.slice('/s/'.length);
  const [id, keys] = [parseSecretLinkId(link), parseSecretFragment(hash)];
  if (id === undefined || keys === undefined) throw new Error('not a link of a request');
  return { id, link: formatSecretLinkId(id), ...keys };
}

export const proofOf = async ({ id, secret }: OpenedLink, purpose: SecretRequestPurpose): Promise<string> =>
  toBase64(await computeSecretRequestProof(secret, id, purpose));

type ShownRequest = { name: string; why: string; replace: boolean; createdAt: string; expiresAt: string };

export const sealFor = async (
  { id, publicKey }: OpenedLink,
  shown: ShownRequest,
  typed: Partial<TypedSecret> & { value: string },
): Promise<string> => toBase64(await sealTypedSecret(publicKey, { ...shown, ...id }, { rules: {}, ...typed }));

/** Answers a request. @param vault URL of the vault @param url the link of the request */
export async function answerRequest(vault: string, url: string, typed: Partial<TypedSecret> & { value: string }) {
  const opened = openLink(url);
  const post = async (verb: string, body: object): Promise<Response> => {
    const headers = { 'content-type': 'application/json' };
    const address = `${vault}/v1/secret-links/${opened.link}/${verb}`;
    return await fetch(address, { method: 'POST', headers, body: JSON.stringify(body) });
  };
  const looked = await post('look', { proof: await proofOf(opened, 'look') });
  const sealed = await sealFor(opened, (await looked.json()) as ShownRequest, typed);
  const { status } = await post('filling', { proof: await proofOf(opened, 'fill'), sealed });
  if (status !== 200) throw new Error(`not answered: ${status}`);
}
