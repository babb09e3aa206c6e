/**
 * What takes blobs in, with a bug on purpose: whatever it asks S3 for is the object that it was first asked for, by the session of
 * whoever calls. An entry of a function, bundled by a test.
 */
import {
  AbortMultipartUploadCommand,
  DeleteObjectCommand,
  HeadObjectCommand,
  ListPartsCommand,
  PutObjectTaggingCommand,
  UploadPartCommand,
} from '@aws-sdk/client-s3';

let first: string | undefined;

for (const command of [
  AbortMultipartUploadCommand,
  DeleteObjectCommand,
  HeadObjectCommand,
  ListPartsCommand,
  PutObjectTaggingCommand,
  UploadPartCommand,
]) {
  const { resolveMiddleware } = command.prototype;
  command.prototype.resolveMiddleware = function (this: { input: { Key?: string | undefined } }, ...args: unknown[]) {
    first ??= this.input.Key;
    this.input.Key = first;
    return Reflect.apply(resolveMiddleware, this, args);
  } as typeof resolveMiddleware;
}

export { handler } from '../../lambdas/functions/blobs.ts';
