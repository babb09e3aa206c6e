import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { Aws, Validations } from 'aws-cdk-lib';
import { Certificate } from 'aws-cdk-lib/aws-certificatemanager';
import {
  Distribution,
  Function as EdgeFunction,
  FunctionCode,
  FunctionRuntime,
  HttpVersion,
  S3OriginAccessControl,
  SecurityPolicyProtocol,
} from 'aws-cdk-lib/aws-cloudfront';
import { S3BucketOrigin } from 'aws-cdk-lib/aws-cloudfront-origins';
import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import { Bucket, type IBucket } from 'aws-cdk-lib/aws-s3';
import { Construct } from 'constructs';
import { functionEnv } from '../../contract/shared/environment-variables.ts';
import type { DeploymentSettings } from '../shared/deployment-settings.ts';
import { nagResourceName } from '../shared/nag-resource-name.ts';
import { privateBucket } from '../shared/private-bucket.ts';
import type { VaultFunction } from '../shared/vault-function.ts';
import { apiBehaviors, OriginSecret } from './api-behavior.ts';
import { OwnerPage } from './owner-page.ts';
import { pageBehavior } from './page-behavior.ts';
import { bundlePage, htmlFile } from './page-bundle.ts';
import { publishFiles, versionOf } from './page-publication.ts';
import { pageResponseHeaders } from './response-headers.ts';

interface LinkPageProps {
  /** Name of the deployment. It is part of CloudFront names, which are unique per account across all regions. */
  readonly name: string;
  /** Folder of the page's sources (lib/link-page/page-bundle.ts). Those of the owner's page are in `owner`. */
  readonly folder: string;
  readonly domain: DeploymentSettings['pageDomain'];
  /** ARN of the web ACL that filters requests to the page and its API calls. */
  readonly webAclArn: string | undefined;
  /** URL of the API, `https://…`, which serves the requests of the page. */
  readonly apiUrl: string;
  /**
   * `https://…`, the origin of presigned object URLs. The page is allowed to connect to it and to its own origin only.
   */
  readonly objectsOrigin: string;
  /** `wss://…`, the origin of the WebSocket API, to which the owner's page connects. */
  readonly socketsOrigin: string;
  /** The function that uploads the pages to their bucket. */
  readonly publisher: VaultFunction;
}

/**
 * Serves the page for `/` and for paths that start with `/b/` or `/s/`; the page checks the link. The path of the owner's page
 * gets its missing slash. Other paths are 404. cloudfront-js-2.0.
 */
const viewerRequestCode = (key: string): string => `function handler(event) {
  var request = event.request;
  if (request.uri === '/owner') {
    return { statusCode: 301, statusDescription: 'Moved Permanently', headers: { location: { value: '/owner/' } } };
  }
  if (request.uri === '/' || request.uri.indexOf('/b/') === 0 || request.uri.indexOf('/s/') === 0) {
    request.uri = '/${key}';
    return request;
  }
  return { statusCode: 404, statusDescription: 'Not Found' };
}
`;

/**
 * The link page: one static file in a bucket that only CloudFront can read. Its Content-Security-Policy has the hash of
 * the script. The same distribution serves the owner's page, and forwards the API calls of both, so that the pages connect
 * only to their own origin, to the blob bucket, and to the WebSocket API.
 *
 * The file and the policy must change together; otherwise browsers block the script. Therefore each version has a
 * separate file, function and policy with the version in their names. One update of the distribution switches all
 * three, and cached responses of earlier versions are not requested any more.
 */
export class LinkPage extends Construct {
  /** `https://…`, without a slash at the end. */
  readonly url: string;
  private readonly bucket: Bucket;
  private readonly secret: OriginSecret;

  constructor(scope: Construct, id: string, props: LinkPageProps) {
    super(scope, id);
    const page = bundlePage(props.folder);
    const { scriptHash, styleHash } = page;
    const files = [htmlFile(page)];
    const version = versionOf(files);
    const key = `${version}/index.html`;
    // A hash keeps the length bounded: function names in CloudFront have at most 64 characters.
    const label = `anima-page-${createHash('sha256').update(props.name).digest('hex').slice(0, 8)}-${Aws.REGION}`;
    this.bucket = this.makeBucket();
    this.secret = new OriginSecret(this, 'Origin', props.publisher);
    const headers = pageResponseHeaders(this, `Headers-${version}`, {
      name: `${label}-${version}`,
      scriptHash,
      styleHash,
      objectsOrigin: props.objectsOrigin,
    });
    const paths = new EdgeFunction(this, `Paths-${version}`, {
      functionName: `${label}-${version}`,
      comment: `${props.name}: which paths show the page that opens links`,
      code: FunctionCode.fromInline(viewerRequestCode(key)),
      runtime: FunctionRuntime.JS_2_0,
    });
    // The CDK types Bucket and IBucket differ in an optional `undefined`, which exactOptionalPropertyTypes rejects.
    const bucket = this.bucket as IBucket;
    const origin = S3BucketOrigin.withOriginAccessControl(bucket, {
      originAccessControl: new S3OriginAccessControl(this, 'Access', { originAccessControlName: label }),
    });
    this.grantPublish(props.publisher);
    const owner = new OwnerPage(this, 'Owner', { ...props, label, folder: join(props.folder, 'owner'), origin });
    const distribution = new Distribution(this, 'Distribution', {
      comment: `${props.name}: opens links`,
      defaultBehavior: pageBehavior({ origin, paths, headers }),
      additionalBehaviors: {
        ...owner.behaviors,
        ...apiBehaviors(this, { policyName: label, apiUrl: props.apiUrl, secret: this.secret }),
      },
      httpVersion: HttpVersion.HTTP2_AND_3,
      ...(props.webAclArn !== undefined && { webAclId: props.webAclArn }),
      ...this.domainOf(props.domain),
    });
    acknowledgeNagFindings(distribution, props);
    distribution.node.addDependency(publishFiles(this, 'Published', props.publisher, version, files), owner.published);
    this.url = `https://${props.domain?.name ?? distribution.distributionDomainName}`;
  }

  /** Sets the URL of the page in a function's environment. */
  tellAddress(fn: VaultFunction): void {
    fn.set(functionEnv.pageUrl, this.url);
  }

  /** Lets a function recognize the requests that CloudFront sent, and so trust the address of the viewer in them. */
  tellViewers(fn: VaultFunction): void {
    this.secret.tellHash(fn);
  }

  private makeBucket(): Bucket {
    const bucket = new Bucket(this, 'Bucket', privateBucket);
    Validations.of(bucket).acknowledge({
      id: 'AwsSolutions-S1',
      reason: 'The bucket has public files only, and only CloudFront reads them.',
    });
    return bucket;
  }

  private grantPublish(publisher: VaultFunction): void {
    publisher.allow(new PolicyStatement({ actions: ['s3:PutObject'], resources: [this.bucket.arnForObjects('*')] }));
    Validations.of(publisher).acknowledge({
      id: `AwsSolutions-IAM5[Resource::${nagResourceName(this.bucket, this.bucket.bucketArn, this)}/*]`,
      reason: 'Each version of a page has new keys, which a policy cannot name in advance. The bucket has pages only.',
    });
    publisher.set(functionEnv.pageBucket, this.bucket.bucketName);
  }

  private domainOf(domain: DeploymentSettings['pageDomain']) {
    if (domain === undefined) return {};
    return {
      domainNames: [domain.name],
      certificate: Certificate.fromCertificateArn(this, 'Certificate', domain.certificateArn),
      minimumProtocolVersion: SecurityPolicyProtocol.TLS_V1_3_2025,
    };
  }
}

const acknowledgeNagFindings = (
  distribution: Distribution,
  { domain, webAclArn }: Pick<LinkPageProps, 'domain' | 'webAclArn'>,
): void => {
  const accepted: Record<string, string> = {
    'AwsSolutions-CFR1': 'Only the sender of a link knows its recipient, so no country is blocked.',
    ...(webAclArn === undefined && {
      'AwsSolutions-CFR2':
        'The distribution serves a static file and routes that API Gateway throttles. A firewall is the choice of the deployer.',
    }),
    'AwsSolutions-CFR3':
      'Access logs would contain the paths of links, which identify links. Openings are recorded in the audit.',
    ...(domain === undefined && {
      'AwsSolutions-CFR4': 'Without a custom domain, CloudFront sets the TLS version itself. HTTP is rejected.',
    }),
  };
  for (const [id, reason] of Object.entries(accepted)) Validations.of(distribution).acknowledge({ id, reason });
};
