/** Bucket and key of a request, in path style. */
import type { IncomingMessage } from 'node:http';
import { S3Error } from './s3-errors.ts';
import type { S3Request } from './s3-request.ts';

export type Target = Pick<S3Request, 'method' | 'path' | 'query' | 'headers' | 'bucket' | 'key'>;

export function targetOf(message: IncomingMessage): Target {
  const [path = '/', ...query] = (message.url ?? '/').split('?');
  return {
    method: message.method ?? '',
    path,
    query: new URLSearchParams(query.join('?')),
    headers: message.headers,
    ...splitPath(path),
  };
}

/** `new URL` is not suitable, because it would resolve `..` in a key. */
function splitPath(path: string): { bucket: string; key: string } {
  const [bucket = '', ...key] = (path.split('?')[0] ?? '').slice(1).split('/');
  try {
    return { bucket: decodeURIComponent(bucket), key: decodeURIComponent(key.join('/')) };
  } catch {
    throw new S3Error('InvalidURI', "Couldn't parse the specified URI.");
  }
}
