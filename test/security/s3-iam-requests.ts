/** All kinds of requests for the objects of a bucket and for lists of them. */
import type { IamRequest } from '../shared/iam-simulator.ts';

export const objectActions: readonly string[] = [
  ...['AbortMultipartUpload', 'DeleteObject', 'GetObject', 'ListMultipartUploadParts', 'PutObject', 'PutObjectTagging'],
  ...['DeleteObjectTagging', 'DeleteObjectVersion', 'GetObjectAcl', 'GetObjectTagging', 'GetObjectVersion'],
  ...['PutObjectAcl', 'RestoreObject', 'BypassGovernanceRetention', 'GetObjectRetention', 'PutObjectRetention'],
  ...['GetObjectLegalHold', 'PutObjectLegalHold'],
].map((action) => `s3:${action}`);

export const bucketActions: readonly string[] = [
  ...['ListBucket', 'ListBucketMultipartUploads', 'ListBucketVersions', 'DeleteBucket', 'DeleteBucketPolicy'],
  ...['PutBucketPolicy', 'PutBucketCORS', 'PutBucketVersioning', 'PutLifecycleConfiguration', 'GetBucketPolicy'],
  ...['GetBucketObjectLockConfiguration', 'PutBucketObjectLockConfiguration'],
].map((action) => `s3:${action}`);

interface NamedRequest {
  readonly how: string;
  readonly request: IamRequest;
}

/**
 * @param orgs folder names by their meaning; S3 has no request for several folders
 * @param parent the path of these folders
 * @param folder the path inside of them
 */
export function objectRequests(
  bucket: string,
  action: string,
  orgs: Readonly<Record<string, readonly string[]>>,
  parent = '',
  folder = '',
): NamedRequest[] {
  const folders = Object.entries(orgs).flatMap(([how, [org, more]]) =>
    org === undefined || more !== undefined ? [] : [{ how, org: `${parent}${org}` }],
  );
  const [{ org: own } = { org: '' }] = folders;
  if (objectActions.includes(action)) {
    const id = `${folder}01m7ydvag04tb8waw2te4teszd.enc`;
    return [
      // In keys, S3 treats `*` and `?` literally, but the simulator does not.
      ...folders.filter(({ org }) => !/[*?]/.test(org)).map(({ how, org }) => ({ how, key: `${org}/${id}` })),
      ...[id, `/${own}/${id}`, `${own}${id}`, `x/${own}/${id}`].map((key) => ({ how: `as ${key}`, key })),
    ].map(({ how, key }) => ({ how, request: { action, resource: `${bucket}/${key}`, context: {} } }));
  }
  const whole = { how: 'no key', request: { action, resource: bucket, context: {} } };
  if (action !== 's3:ListBucket' && action !== 's3:ListBucketVersions') return [whole];
  const prefixes = [
    ...folders.map(({ how, org }) => ({ how, prefix: `${org}/${folder}` })),
    ...['', '/', own, `${own}/0`, `${own}/../x/`, own.slice(0, 4)].map((prefix) => ({ how: `by ${prefix}`, prefix })),
  ];
  return [
    whole,
    ...prefixes.map(({ how, prefix }) => ({ how, request: { ...whole.request, context: { 's3:prefix': prefix } } })),
  ];
}

/** As {@link objectRequests}, for the marks of orgs: one object per org. */
export function markRequests(
  bucket: string,
  action: string,
  orgs: Readonly<Record<string, readonly string[]>>,
  folder = 'marks/',
): NamedRequest[] {
  if (!objectActions.includes(action)) return objectRequests(bucket, action, orgs);
  const ofOrgs = Object.entries(orgs).flatMap(([how, [org, more]]) =>
    org === undefined || more !== undefined || /[*?]/.test(org) ? [] : [{ how, key: `${folder}${org}` }],
  );
  const own = ofOrgs.find(({ how }) => how === 'own org')?.key ?? '';
  const org = own.slice(folder.length);
  const others = [org, `/${own}`, `${own}/`, `${own}/x`, `x/${own}`, folder, `heads/${org}`];
  return [...ofOrgs, ...others.map((key) => ({ how: `as ${key}`, key }))].map(({ how, key }) => ({
    how,
    request: { action, resource: `${bucket}/${key}`, context: {} },
  }));
}
