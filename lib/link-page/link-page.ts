import { createHash } from 'node:crypto';
import { deflateSync } from 'node:zlib';
import { Aws, CustomResource, Duration, Fn, RemovalPolicy, Stack, Validations } from 'aws-cdk-lib';
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
  OriginProtocolPolicy,
  OriginRequestPolicy,
  S3OriginAccessControl,
  SecurityPolicyProtocol,
  ViewerProtocolPolicy,
} from 'aws-cdk-lib/aws-cloudfront';
import { HttpOrigin, S3BucketOrigin } from 'aws-cdk-lib/aws-cloudfront-origins';
import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import { BlockPublicAccess, Bucket, BucketEncryption, type IBucket, ObjectOwnership } from 'aws-cdk-lib/aws-s3';
import { Construct } from 'constructs';
import { functionEnv } from '../../contract/shared/environment-variables.ts';
import type { DeploymentSettings } from '../shared/deployment-settings.ts';
import type { VaultFunction } from '../shared/vault-function.ts';
import { bundlePage } from './page-bundle.ts';
import { pageResponseHeaders } from './response-headers.ts';

interface LinkPageProps {
  /** Name of the deployment, for what has to be named: names in CloudFront are the account's, in all regions. */
  readonly name: string;
  /** Folder of the page's sources (lib/link-page/page-bundle.ts). */
  readonly folder: string;
  readonly domain: DeploymentSettings['pageDomain'];
  /** Address of the API, `https://…`, which serves what the page asks for. */
  readonly apiUrl: string;
  /** `https://…`, where presigned addresses of objects lead: the one place outside its own that the page may reach. */
  readonly objectsOrigin: string;
  /** The function that puts the page into its bucket. */
  readonly publisher: VaultFunction;
}

/** Paths of the API that the page calls, on its own origin. */
const linkPaths = '/v1/links/*';

/** The page is one file; whether what follows `/b/` is a link is for it to say. Nothing else is there. cloudfront-js-2.0. */
const viewerRequestCode = (key: string): string => `function handler(event) {
  var request = event.request;
  if (request.uri === '/' || request.uri.indexOf('/b/') === 0) {
    request.uri = '/${key}';
    return request;
  }
  return { statusCode: 404, statusDescription: 'Not Found' };
}
`;

/**
 * The page that opens links: one static file in a bucket that CloudFront alone can read, under a policy that names the hash of
 * its script. The same distribution passes the page's calls on to the API, so that the page speaks to its own origin and to
 * the bucket of blobs only.
 *
 * File and policy must change as one, or browsers refuse the script. So each version has its own file, function and policy,
 * named by it; the distribution takes up all three in one change, and what it has cached of earlier ones is asked for no more.
 */
export class LinkPage extends Construct {
  /** `https://…`, without a slash at the end. */
  readonly url: string;
  private readonly bucket: Bucket;

  constructor(scope: Construct, id: string, props: LinkPageProps) {
    super(scope, id);
    const { html, scriptHash, styleHash } = bundlePage(props.folder);
    const version = createHash('sha256').update(html).digest('hex').slice(0, 16);
    const key = `${version}/index.html`;
    // Bounded, unlike the names of stages and deployments: a function in CloudFront has 64 characters.
    const label = `anima-page-${createHash('sha256').update(props.name).digest('hex').slice(0, 8)}-${Aws.REGION}`;
    this.bucket = this.makeBucket();
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
    // The CDK's declarations of it differ by an `undefined`, which this compiler tells apart from nothing.
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
      additionalBehaviors: {
        [linkPaths]: {
          origin: new HttpOrigin(Fn.select(2, Fn.split('/', props.apiUrl)), {
            protocolPolicy: OriginProtocolPolicy.HTTPS_ONLY,
          }),
          cachePolicy: CachePolicy.CACHING_DISABLED,
          originRequestPolicy: OriginRequestPolicy.ALL_VIEWER_EXCEPT_HOST_HEADER,
          allowedMethods: AllowedMethods.ALLOW_ALL,
          viewerProtocolPolicy: ViewerProtocolPolicy.HTTPS_ONLY,
        },
      },
      httpVersion: HttpVersion.HTTP2_AND_3,
      ...this.domainOf(props.domain),
    });
    acknowledgeNagFindings(distribution, props.domain);
    distribution.node.addDependency(this.publish(props.publisher, key, html));
    this.url = `https://${props.domain?.name ?? distribution.distributionDomainName}`;
  }

  /** Tells a function the address of the page. */
  tellAddress(fn: VaultFunction): void {
    fn.set(functionEnv.pageUrl, this.url);
  }

  private makeBucket(): Bucket {
    const bucket = new Bucket(this, 'Bucket', {
      blockPublicAccess: BlockPublicAccess.BLOCK_ALL,
      enforceSSL: true,
      objectOwnership: ObjectOwnership.BUCKET_OWNER_ENFORCED,
      encryption: BucketEncryption.S3_MANAGED,
      removalPolicy: RemovalPolicy.RETAIN,
    });
    Validations.of(bucket).acknowledge({
      id: 'AwsSolutions-S1',
      reason: 'It holds one public file, and CloudFront alone reads it.',
    });
    return bucket;
  }

  /**
   * Puts the file into the bucket, and leaves those of earlier versions there, for CloudFront serves them until its change is
   * everywhere. The file travels in the template, which is what a deployment signs off.
   */
  private publish(publisher: VaultFunction, key: string, html: string): CustomResource {
    const everyVersion = this.bucket.arnForObjects('*/index.html');
    publisher.allow(new PolicyStatement({ actions: ['s3:PutObject'], resources: [everyVersion] }));
    const name = Stack.of(this).resolve(this.bucket.bucketArn)['Fn::GetAtt'][0];
    Validations.of(publisher).acknowledge({
      id: `AwsSolutions-IAM5[Resource::<${name}.Arn>/*/index.html]`,
      reason: 'Versions of the page follow each other; a policy that names one would come too late for the next.',
    });
    publisher.set(functionEnv.pageBucket, this.bucket.bucketName);
    return new CustomResource(this, 'Published', {
      resourceType: 'Custom::VaultPage',
      serviceToken: publisher.lambda.functionArn,
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

const acknowledgeNagFindings = (distribution: Distribution, domain: DeploymentSettings['pageDomain']): void => {
  const accepted: Record<string, string> = {
    'AwsSolutions-CFR1': 'Whom a link is for is known to who sends it: nobody is refused by country.',
    'AwsSolutions-CFR2':
      'A static file, and routes that API Gateway throttles; a firewall is the choice of who deploys.',
    'AwsSolutions-CFR3':
      'Its lines would hold the paths of links, by which links are found. Openings are in the audit.',
    ...(domain === undefined && {
      'AwsSolutions-CFR4': 'Without a domain of its own CloudFront sets the TLS version itself. HTTP is refused.',
    }),
  };
  for (const [id, reason] of Object.entries(accepted)) Validations.of(distribution).acknowledge({ id, reason });
};
