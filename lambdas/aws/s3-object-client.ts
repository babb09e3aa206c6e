/**
 * Reads and writes small text objects of S3, with the input types of the AWS SDK. Source: Amazon S3 API reference,
 * 2006-03-01, GetObject and PutObject. Error names are the codes of S3, such as `NoSuchKey`.
 */
import { hash } from 'node:crypto';
import type { GetObjectRequest, PutObjectRequest } from '@aws-sdk/client-s3';
import type { HttpReply } from './http-exchange.ts';
import { type ServiceOptions, SignedService } from './signed-service.ts';

type ObjectKey = Required<Pick<GetObjectRequest, 'Bucket' | 'Key'>>;
type PutTextInput = ObjectKey &
  Pick<PutObjectRequest, 'IfMatch' | 'IfNoneMatch'> & { readonly Body: string; readonly ContentType: string };

export interface TextObject {
  readonly text: string;
  readonly etag: string;
}

export class S3ObjectClient {
  readonly #service: SignedService;

  constructor(options: ServiceOptions) {
    this.#service = new SignedService('s3', options);
  }

  async getText(key: ObjectKey): Promise<TextObject> {
    const decode = (reply: HttpReply) => ({ text: reply.body.toString(), etag: etagOf(reply) });
    return await this.#service.call(this.#request('GetObject', 'GET', key, {}, ''), decode);
  }

  /** Returns the new ETag. Object Lock requires a checksum of the content. */
  async putText({ Body, ContentType, IfMatch, IfNoneMatch, ...key }: PutTextInput): Promise<string> {
    const headers = {
      'content-type': ContentType,
      'x-amz-checksum-sha256': hash('sha256', Body, 'base64'),
      ...(IfMatch === undefined ? {} : { 'if-match': IfMatch }),
      ...(IfNoneMatch === undefined ? {} : { 'if-none-match': IfNoneMatch }),
    };
    return await this.#service.call(this.#request('PutObject', 'PUT', key, headers, Body), etagOf);
  }

  #request(
    operation: string,
    method: string,
    { Bucket = '', Key = '' }: ObjectKey,
    headers: Record<string, string>,
    body: string,
  ) {
    // As in the AWS SDK: an IP address has no subdomains.
    const isIpAddress = /^[0-9.]+$|^\[/.test(this.#service.location.hostname);
    const path = `/${Key.split('/').map(encodeSegment).join('/')}`;
    return {
      operation,
      method,
      path: isIpAddress ? `/${Bucket}${path}` : path,
      headers: { ...headers, 'x-amz-content-sha256': hash('sha256', body) },
      body,
      hostPrefix: isIpAddress ? '' : `${Bucket}.`,
    };
  }
}

/** RFC 3986, section 2.3. encodeURIComponent leaves five more characters as they are. */
const encodeSegment = (segment: string): string =>
  encodeURIComponent(segment).replace(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`);

const etagOf = ({ headers }: HttpReply): string => headers.etag ?? '';
