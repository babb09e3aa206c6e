/** AWS JSON protocols 1.0 and 1.1 (Smithy specification): the operation is in a header, input and output are JSON. */
import { crc32 } from 'node:zlib';
import { damagedReply, type HttpReply } from './http-exchange.ts';
import { type CallOptions, type ServiceOptions, SignedService } from './signed-service.ts';

interface JsonProtocol {
  readonly service: 'dynamodb' | 'kms';
  readonly targetPrefix: string;
  readonly version: '1.0' | '1.1';
}

export class JsonService {
  readonly #service: SignedService;
  readonly #protocol: JsonProtocol;

  constructor(protocol: JsonProtocol, options: ServiceOptions) {
    this.#service = new SignedService(protocol.service, options);
    this.#protocol = protocol;
  }

  /** @param decode returns the output, from the body of the response @throws ServiceError */
  async call<Output>(
    operation: string,
    input: string,
    decode: (body: Buffer) => Output,
    options?: CallOptions,
  ): Promise<Output> {
    const { targetPrefix, version } = this.#protocol;
    const headers = {
      'content-type': `application/x-amz-json-${version}`,
      'x-amz-target': `${targetPrefix}.${operation}`,
    };
    const request = { operation, method: 'POST', path: '/', headers, body: input };
    return await this.#service.call(request, (reply) => decode(checkedBody(reply)), options);
  }
}

/** DynamoDB sends the CRC-32 of each body (DynamoDB developer guide, "Low-level API", "x-amz-crc32"). */
function checkedBody({ headers, body }: HttpReply): Buffer {
  const expected = headers['x-amz-crc32'];
  if (expected !== undefined && Number(expected) !== crc32(body)) throw damagedReply();
  return body;
}

/** Parses a JSON object. @throws ExchangeError */
export function parseJson(text: string): Record<string, unknown> {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    throw damagedReply();
  }
  if (!isObject(parsed)) throw damagedReply();
  return parsed;
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
