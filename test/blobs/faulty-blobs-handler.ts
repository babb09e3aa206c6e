/**
 * The blob upload function with an intentional bug: every S3 call uses the object of the first request, with the
 * session of the current caller. A function entry, bundled by a test.
 */
import {
  AbortMultipartUploadCommand,
  CopyObjectCommand,
  DeleteObjectCommand,
  HeadObjectCommand,
  ListPartsCommand,
  PutObjectTaggingCommand,
  UploadPartCommand,
} from '@aws-sdk/client-s3';

let first: string | undefined;

for (const command of [
  AbortMultipartUploadCommand,
  CopyObjectCommand,
  DeleteObjectCommand,
  HeadObjectCommand,
  ListPartsCommand,
  PutObjectTaggingCommand,
  UploadPartCommand,
]) {
  const { resolveMiddleware } = command.prototype;
  command.prototype.resolveMiddleware = function (this: { input: { Key?: string | undefined } }, ...args: unknown[]) {
    const [, folderAndId, ending = ''] = /^(.*)(\.\w+)$/.exec(this.input.Key ?? '') ?? [];
    first ??= folderAndId;
    this.input.Key = `${first}${ending}`;
    return Reflect.apply(resolveMiddleware, this, args);
  } as typeof resolveMiddleware;
}

export { handler } from '../../lambdas/functions/blobs.ts';
