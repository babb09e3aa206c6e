/**
 * The links function with an intentional bug: it returns the URL of the first requested object to every caller, signed
 * with a session of the caller's org. A function entry, bundled by a test.
 */
import { GetObjectCommand } from '@aws-sdk/client-s3';

let first: string | undefined;

const { resolveMiddleware } = GetObjectCommand.prototype;
GetObjectCommand.prototype.resolveMiddleware = function (this: GetObjectCommand, ...args: unknown[]) {
  // Marks of orgs are in another bucket.
  if (!this.input.Key?.startsWith('marks/')) {
    first ??= this.input.Key;
    this.input.Key = first;
  }
  return Reflect.apply(resolveMiddleware, this, args);
} as typeof resolveMiddleware;

export { handler } from '../../lambdas/functions/links.ts';
