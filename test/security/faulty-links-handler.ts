/**
 * What opens links, with a bug on purpose: it gives everyone the address of the object that it was first asked for, signed by a
 * session of the caller's org. An entry of a function, bundled by a test.
 */
import { GetObjectCommand } from '@aws-sdk/client-s3';

let first: string | undefined;

const { resolveMiddleware } = GetObjectCommand.prototype;
GetObjectCommand.prototype.resolveMiddleware = function (this: GetObjectCommand, ...args: unknown[]) {
  first ??= this.input.Key;
  this.input.Key = first;
  return Reflect.apply(resolveMiddleware, this, args);
} as typeof resolveMiddleware;

export { handler } from '../../lambdas/functions/links.ts';
