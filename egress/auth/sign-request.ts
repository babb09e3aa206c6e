/** Applies the schemes that sign the request itself. */
import { referenceKey } from '../references/secret-references.ts';
import { UseRefusal } from '../refusals/use-refusal.ts';
import type { OutboundRequest } from '../requests/outbound-request.ts';
import type { ValuesByReference } from '../requests/request-placeholders.ts';
import { type RequestSigning, referenceOf } from './auth-plan.ts';
import { signAwsRequest } from './aws-signature.ts';
import { totpCode } from './totp.ts';
import { signWebhook } from './webhook-signatures.ts';

export type UnsentRequest = Omit<OutboundRequest, 'allowsLoopback'>;

export interface SignedRequest {
  readonly outgoing: UnsentRequest;
  /** Texts derived from values. They are concealed in responses. */
  readonly derived: readonly string[];
}

const noBody = new Uint8Array();

/** @throws UseRefusal */
export async function signOutgoing(
  auth: RequestSigning,
  outgoing: UnsentRequest,
  values: ValuesByReference,
  now: Date,
): Promise<SignedRequest> {
  const readReference = (text: string): string => values.get(referenceKey(referenceOf(text))) ?? '';
  switch (auth.type) {
    case 'hmac': {
      const headers = signWebhook(auth.scheme, readReference(auth.secret), outgoing.body ?? noBody, now);
      const derived = [...headers.values()].flatMap((text) => text.match(/[0-9a-f]{64}/g) ?? []);
      return { outgoing: withHeaders(outgoing, headers), derived };
    }
    case 'aws-sigv4': {
      const keys = {
        accessKeyId: readReference(auth.accessKeyId),
        secretAccessKey: readReference(auth.secretAccessKey),
        sessionToken: auth.sessionToken === undefined ? undefined : readReference(auth.sessionToken),
      };
      if (/[^\x21-\x7e]/.test(Object.values(keys).join('')))
        throw new UseRefusal('A key of aws-sigv4 has characters that AWS keys do not have', 'value_unusable');
      const headers = await signAwsRequest(outgoing, keys, auth, now);
      const derived = [...(headers.get('authorization')?.matchAll(/Signature=([0-9a-f]{64})/g) ?? [])];
      return { outgoing: { ...outgoing, headers }, derived: derived.map(([, signature = '']) => signature) };
    }
    case 'totp': {
      const { digits = 6, period = 30, algorithm = 'SHA1' } = auth;
      const code = totpCode(readReference(auth.secret), { digits, period, algorithm }, now);
      return { outgoing: withCode(outgoing, auth.in, auth.name, code), derived: [code] };
    }
  }
}

const withHeaders = (outgoing: UnsentRequest, added: ReadonlyMap<string, string>): UnsentRequest => ({
  ...outgoing,
  headers: new Map([...outgoing.headers, ...added]),
});

function withCode(
  outgoing: UnsentRequest,
  place: 'header' | 'query' | 'form',
  name: string,
  code: string,
): UnsentRequest {
  if (place === 'header') return withHeaders(outgoing, new Map([[name.toLowerCase(), code]]));
  if (place === 'query') {
    const url = new URL(outgoing.url);
    url.searchParams.append(name, code);
    return { ...outgoing, url };
  }
  const before = outgoing.body === undefined || outgoing.body.length === 0 ? [] : [outgoing.body, Buffer.from('&')];
  return { ...outgoing, body: Buffer.concat([...before, Buffer.from(new URLSearchParams([[name, code]]).toString())]) };
}
