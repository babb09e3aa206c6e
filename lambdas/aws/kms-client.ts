/** The KMS operations of requests, with the input and output types of the AWS SDK. */
import type {
  DecryptRequest,
  DecryptResponse,
  GenerateDataKeyRequest,
  GenerateDataKeyResponse,
  GenerateDataKeyWithoutPlaintextRequest,
  GenerateDataKeyWithoutPlaintextResponse,
  GenerateMacRequest,
  GenerateMacResponse,
} from '@aws-sdk/client-kms';
import { JsonService, parseJson } from './json-service.ts';
import { takeSecret } from './secret-member.ts';
import type { ServiceOptions } from './signed-service.ts';

/** Plain keys and MACs are in Buffers with memory of their own, which the caller zeroes. */
type WithSecret<Response, Name extends keyof Response> = Omit<Response, Name> & { [name in Name]?: Buffer };

/** Source: AWS KMS API reference, 2014-11-01. Errors are ServiceErrors with the names of that reference. */
export class KmsClient {
  readonly #service: JsonService;

  constructor(options: ServiceOptions) {
    this.#service = new JsonService({ service: 'kms', targetPrefix: 'TrentService', version: '1.1' }, options);
  }

  decrypt(input: DecryptRequest): Promise<WithSecret<DecryptResponse, 'Plaintext'>> {
    return this.#call('Decrypt', input, 'Plaintext');
  }

  generateDataKey(input: GenerateDataKeyRequest): Promise<WithSecret<GenerateDataKeyResponse, 'Plaintext'>> {
    return this.#call('GenerateDataKey', input, 'Plaintext');
  }

  generateDataKeyWithoutPlaintext(
    input: GenerateDataKeyWithoutPlaintextRequest,
  ): Promise<GenerateDataKeyWithoutPlaintextResponse> {
    return this.#call('GenerateDataKeyWithoutPlaintext', input);
  }

  generateMac(input: GenerateMacRequest): Promise<WithSecret<GenerateMacResponse, 'Mac'>> {
    return this.#call('GenerateMac', input, 'Mac');
  }

  #call(operation: string, input: object, secretMember?: string): Promise<object> {
    return this.#service.call(operation, JSON.stringify(input, encodeBytes), (body) => decode(body, secretMember));
  }
}

/** As in dynamo-json.ts. */
function encodeBytes(this: Record<string, unknown>, key: string, value: unknown): unknown {
  const original = this[key];
  return original instanceof Uint8Array ? Buffer.from(original).toString('base64') : value;
}

/** The members of outputs that are bytes and no secrets. */
const byteMembers = ['CiphertextBlob'];

function decode(body: Buffer, secretMember: string | undefined): object {
  const secret = secretMember === undefined ? undefined : takeSecret(body, secretMember);
  const output = parseRest(body, secret);
  for (const name of byteMembers) {
    const text = output[name];
    if (typeof text === 'string') output[name] = new Uint8Array(Buffer.from(text, 'base64'));
  }
  if (secretMember !== undefined) output[secretMember] = secret;
  return output;
}

/** The rest of the body, without the secret. A response that is damaged is not used, so its secret is zeroed. */
function parseRest(body: Buffer, secret: Buffer | undefined): Record<string, unknown> {
  try {
    return parseJson(body.toString());
  } catch (error) {
    secret?.fill(0);
    throw error;
  }
}
