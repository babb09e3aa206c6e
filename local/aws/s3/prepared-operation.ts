/** Authenticates a request and selects its operation, with the permissions that it needs. */
import type { IncomingMessage } from 'node:http';
import type { CredentialStore } from '../iam/credential-store.ts';
import { readTagHeader } from './object-tags.ts';
import { operationOf, type S3Operation } from './operation-table.ts';
import { type Form, readForm } from './post-form.ts';
import { headersOf, keyOf, postObject, tagsOf } from './post-object.ts';
import { authenticate, authenticatePolicy } from './request-authentication.ts';
import type { Target } from './request-target.ts';
import { amzHeader, checkHeaders, type S3Context, type S3Reply, type S3Request } from './s3-request.ts';

interface PrepareOptions {
  readonly credentials: CredentialStore;
  readonly now: () => Date;
}

/** The parsed request, before authorization. */
export interface PreparedOperation {
  readonly action: string;
  readonly permissions: readonly string[];
  readonly request: S3Request;
  readonly tags: Readonly<Record<string, string>>;
  readonly run: (context: S3Context) => Promise<S3Reply>;
}

export async function prepare(
  options: PrepareOptions,
  target: Target,
  message: IncomingMessage,
): Promise<PreparedOperation> {
  const body = () => message.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>;
  const isForm = /^multipart\/form-data\b/i.test(message.headers['content-type'] ?? '');
  if (target.method === 'POST' && target.key === '' && isForm) {
    return prepareForm(options, target, await readForm(body(), message.headers['content-type'] ?? ''));
  }
  const signer = authenticate(target, options.credentials, options.now());
  const request = { ...target, signer, body };
  const copies = amzHeader(request, 'x-amz-copy-source') !== undefined;
  const operation = operationOf(target.method, target.key === '' ? 'bucket' : 'object', target.query, copies);
  checkHeaders(request);
  const tags = operation.creates === true ? readTagHeader(amzHeader(request, 'x-amz-tagging')) : {};
  return {
    action: operation.action,
    permissions: permissionsOf(operation, request, tags),
    request,
    tags,
    run: operation.run,
  };
}

function prepareForm({ credentials, now }: PrepareOptions, target: Target, form: Form): PreparedOperation {
  const signer = authenticatePolicy((name) => form.fields.get(name), credentials, now());
  const request: S3Request = { ...target, key: keyOf(form), headers: headersOf(form), signer, body: () => form.file };
  checkHeaders(request);
  const tags = tagsOf(form);
  return {
    action: 'PostObject',
    permissions: permissionsOf({ permission: 's3:PutObject', creates: true }, request, tags),
    request,
    tags,
    run: (context) => postObject(context, form, String(target.headers.host)),
  };
}

function permissionsOf(
  { permission, versionPermission, creates }: Pick<S3Operation, 'permission' | 'versionPermission' | 'creates'>,
  request: S3Request,
  tags: PreparedOperation['tags'],
): string[] {
  const needed = request.query.has('versionId') ? (versionPermission ?? permission) : permission;
  if (needed === undefined) return [];
  const has = (header: string) => amzHeader(request, header) !== undefined;
  const further: readonly (readonly [needed: boolean, permission: string])[] = [
    [Object.keys(tags).length > 0, 's3:PutObjectTagging'],
    [creates === true && has('x-amz-object-lock-mode'), 's3:PutObjectRetention'],
    [creates === true && has('x-amz-object-lock-legal-hold'), 's3:PutObjectLegalHold'],
    // S3 user guide, "How to prevent overwrites if the object has changed".
    [needed === 's3:PutObject' && request.headers['if-match'] !== undefined, 's3:GetObject'],
  ];
  return [needed, ...further.flatMap(([isNeeded, one]) => (isNeeded ? [one] : []))];
}
