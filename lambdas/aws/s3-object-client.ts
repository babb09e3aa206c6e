/**
 * Reads and writes small objects of S3, and presigns requests for other ones, with the input types of the AWS SDK.
 * Source: Amazon S3 API reference, 2006-03-01, GetObject, HeadObject and PutObject. Error names are the codes of S3,
 * such as `NoSuchKey`.
 */
import { hash } from 'node:crypto';
import type { GetObjectRequest, PutObjectRequest } from '@aws-sdk/client-s3';
import { processClock } from './clock-offset.ts';
import type { AwsCredentials } from './credentials.ts';
import type { HttpReply } from './http-exchange.ts';
import { encodeSegment, type PresignedRequest, presignedQuery, toAmzDate } from './signature-v4.ts';
import { type ServiceOptions, SignedService } from './signed-service.ts';

type ObjectKey = Required<Pick<GetObjectRequest, 'Bucket' | 'Key'>>;
type PutTextInput = ObjectKey &
  Pick<PutObjectRequest, 'IfMatch' | 'IfNoneMatch'> & { readonly Body: string; readonly ContentType: string };

type PutBytesInput = ObjectKey &
  Pick<PutObjectRequest, 'Tagging'> & { readonly Body: Uint8Array; readonly ContentType: string };

export interface TextObject {
  readonly text: string;
  readonly etag: string;
}

/** A request that somebody else sends, without credentials. */
export interface PresignInput extends ObjectKey {
  readonly method: 'GET' | 'PUT';
  /** Headers that the request must have, by lower-case name, besides `host`. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly query?: Readonly<Record<string, string>>;
  readonly expiresSeconds: number;
}

export class S3ObjectClient {
  readonly #service: SignedService;
  readonly #options: ServiceOptions;

  constructor(options: ServiceOptions) {
    this.#service = new SignedService('s3', options);
    this.#options = options;
  }

  /** The URL of a request. It works until `expiresSeconds` have passed or the credentials expire. */
  async presign({ method, headers = {}, query = {}, expiresSeconds, ...key }: PresignInput): Promise<string> {
    const { credentials: provider, clock = processClock } = this.#options;
    const credentials: AwsCredentials = await provider();
    const { protocol, hostname, port, region } = this.#service.location;
    const { path, hostPrefix } = this.#place(key);
    const host = `${hostPrefix}${hostname}${port === '' ? '' : `:${port}`}`;
    const unsorted: Record<string, string> = { ...headers, host };
    const sorted = Object.fromEntries(Object.entries(unsorted).sort(([a], [b]) => (a < b ? -1 : 1)));
    const request: PresignedRequest = { method, path, headers: sorted, query };
    const signed = presignedQuery(request, region, credentials, toAmzDate(clock.now()), expiresSeconds);
    return `${protocol}//${host}${path}?${signed}`;
  }

  /** The length of an object. @throws ServiceError with the HTTP status 403 or 404 if there is none */
  async headObject(key: ObjectKey): Promise<number> {
    const decode = ({ headers }: HttpReply) => Number(headers['content-length']);
    return await this.#service.call(this.#request('HeadObject', 'HEAD', key, {}, ''), decode);
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

  async putBytes({ Body, ContentType, Tagging, ...key }: PutBytesInput): Promise<void> {
    const headers = { 'content-type': ContentType, ...(Tagging === undefined ? {} : { 'x-amz-tagging': Tagging }) };
    await this.#service.call(this.#request('PutObject', 'PUT', key, headers, Body), etagOf);
  }

  #request(
    operation: string,
    method: string,
    key: ObjectKey,
    headers: Record<string, string>,
    body: string | Uint8Array,
  ) {
    const signed = { ...headers, 'x-amz-content-sha256': hash('sha256', body) };
    return { operation, method, headers: signed, body, ...this.#place(key) };
  }

  #place({ Bucket = '', Key = '' }: ObjectKey): { readonly path: string; readonly hostPrefix: string } {
    // As in the AWS SDK: an IP address has no subdomains.
    const isIpAddress = /^[0-9.]+$|^\[/.test(this.#service.location.hostname);
    const path = `/${Key.split('/').map(encodeSegment).join('/')}`;
    return { path: isIpAddress ? `/${Bucket}${path}` : path, hostPrefix: isIpAddress ? '' : `${Bucket}.` };
  }
}

const etagOf = ({ headers }: HttpReply): string => headers.etag ?? '';
