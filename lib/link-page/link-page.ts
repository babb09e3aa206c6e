import { createHash } from 'node:crypto';
import { deflateSync } from 'node:zlib';
import { Aws, CustomResource, Duration, Validations } from 'aws-cdk-lib';
import { Certificate } from 'aws-cdk-lib/aws-certificatemanager';
import {
  AllowedMethods,
  CachePolicy,
  Distribution,
  Function as EdgeFunction,
  FunctionCode,
  FunctionEventType,
  FunctionRuntime,
  HttpVersion,
  S3OriginAccessControl,
  SecurityPolicyProtocol,
  ViewerProtocolPolicy,
} from 'aws-cdk-lib/aws-cloudfront';
import { S3BucketOrigin } from 'aws-cdk-lib/aws-cloudfront-origins';
import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import { Bucket, type IBucket } from 'aws-cdk-lib/aws-s3';
import { Construct } from 'constructs';
import { customResources, functionEnv } from '../../contract/shared/environment-variables.ts';
import type { DeploymentSettings } from '../shared/deployment-settings.ts';
import { nagResourceName } from '../shared/nag-resource-name.ts';
import { privateBucket } from '../shared/private-bucket.ts';
import type { VaultFunction } from '../shared/vault-function.ts';
import { apiBehavior, OriginSecret } from './api-behavior.ts';
import { bundlePage } from './page-bundle.ts';
import { pageResponseHeaders } from './response-headers.ts';

interface LinkPageProps {
  /** Name of the deployment. It is part of CloudFront names, which are unique per account across all regions. */
  readonly name: string;
  /** Folder of the page's sources (lib/link-page/page-bundle.ts). */
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
  /** The function that uploads the page to its bucket. */
  readonly publisher: VaultFunction;
}

/** API paths that the page calls on its own origin. */
const apiPaths = ['/v1/links/*', '/v1/secret-links/*'];

/**
 * Serves the page for `/` and for paths that start with `/b/` or `/s/`; the page checks the link. Other paths are 404.
 * cloudfront-js-2.0.
 */
const viewerRequestCode = (key: string): string => `function handler(event) {
  var request = event.request;
  if (request.uri === '/' || request.uri.indexOf('/b/') === 0 || request.uri.indexOf('/s/') === 0) {
    request.uri = '/${key}';
    return request;
  }
  return { statusCode: 404, statusDescription: 'Not Found' };
}
`;

/**
 * The link page: one static file in a bucket that only CloudFront can read. Its Content-Security-Policy has the hash of
 * the script. The same distribution forwards the page's API calls, so that the page connects only to its own origin and
 * to the blob bucket.
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
    const { html, scriptHash, styleHash } = bundlePage(props.folder);
    const version = createHash('sha256').update(html).digest('hex').slice(0, 16);
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
    const toApi = apiBehavior(this, { policyName: label, apiUrl: props.apiUrl, secret: this.secret });
    // The CDK types Bucket and IBucket differ in an optional `undefined`, which exactOptionalPropertyTypes rejects.
    const bucket = this.bucket as IBucket;
    const distribution = new Distribution(this, 'Distribution', {
      comment: `${props.name}: opens links`,
      defaultBehavior: {
        origin: S3BucketOrigin.withOriginAccessControl(bucket, {
          originAccessControl: new S3OriginAccessControl(this, 'Access', { originAccessControlName: label }),
        }),
        functionAssociations: [{ function: paths, eventType: FunctionEventType.VIEWER_REQUEST }],
        responseHeadersPolicy: headers,
        cachePolicy: CachePolicy.CACHING_OPTIMIZED,
        allowedMethods: AllowedMethods.ALLOW_GET_HEAD,
        viewerProtocolPolicy: ViewerProtocolPolicy.HTTPS_ONLY,
        compress: true,
      },
      additionalBehaviors: Object.fromEntries(apiPaths.map((path) => [path, toApi])),
      httpVersion: HttpVersion.HTTP2_AND_3,
      ...(props.webAclArn !== undefined && { webAclId: props.webAclArn }),
      ...this.domainOf(props.domain),
    });
    acknowledgeNagFindings(distribution, props);
    distribution.node.addDependency(this.publish(props.publisher, key, html));
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
      reason: 'The bucket has one public file, and only CloudFront reads it.',
    });
    return bucket;
  }

  /**
   * Uploads the file to the bucket. Files of earlier versions are kept, because CloudFront serves them until its update
   * has reached all edge locations. The file is part of the template, which is reviewed for a deployment.
   */
  private publish(publisher: VaultFunction, key: string, html: string): CustomResource {
    const everyVersion = this.bucket.arnForObjects('*/index.html');
    publisher.allow(new PolicyStatement({ actions: ['s3:PutObject'], resources: [everyVersion] }));
    Validations.of(publisher).acknowledge({
      id: `AwsSolutions-IAM5[Resource::${nagResourceName(this.bucket, this.bucket.bucketArn, this)}/*/index.html]`,
      reason: 'Each version of the page has a new key. A policy with the key of one version would not cover the next.',
    });
    publisher.set(functionEnv.pageBucket, this.bucket.bucketName);
    return new CustomResource(this, 'Published', {
      resourceType: customResources.page,
      serviceToken: publisher.alias.functionArn,
      serviceTimeout: Duration.minutes(10),
      properties: { Key: key, Content: deflateSync(html, { level: 9 }).toString('base64') },
    });
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
