/** Publishes the files of one version of a page. */
import { createHash } from 'node:crypto';
import { deflateSync } from 'node:zlib';
import { CustomResource, Duration } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import { customResources } from '../../contract/shared/environment-variables.ts';
import type { VaultFunction } from '../shared/vault-function.ts';
import type { PageFile } from './page-bundle.ts';

/** Names a version of a page by its content: 16 characters of hex. */
export function versionOf(files: readonly PageFile[]): string {
  const hash = createHash('sha256');
  for (const { content } of files) hash.update(content);
  return hash.digest('hex').slice(0, 16);
}

/**
 * Uploads files to the bucket of the pages. Files of earlier versions are kept, because CloudFront serves them until its
 * update has reached all edge locations. The files are part of the template, which is reviewed for a deployment.
 */
export const publishFiles = (
  scope: Construct,
  id: string,
  publisher: VaultFunction,
  version: string,
  files: readonly PageFile[],
): CustomResource =>
  new CustomResource(scope, id, {
    resourceType: customResources.page,
    serviceToken: publisher.alias.functionArn,
    serviceTimeout: Duration.minutes(10),
    properties: {
      Files: files.map(({ name, type, content }) => ({
        Key: `${version}/${name}`,
        Type: type,
        Content: deflateSync(content, { level: 9 }).toString('base64'),
      })),
    },
  });
