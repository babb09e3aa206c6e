/** The part of the pages' distribution that forwards requests to the API. */
import { CustomResource, Duration, Fn } from 'aws-cdk-lib';
import {
  AllowedMethods,
  type BehaviorOptions,
  CachePolicy,
  OriginProtocolPolicy,
  OriginRequestCookieBehavior,
  OriginRequestHeaderBehavior,
  OriginRequestPolicy,
  OriginRequestQueryStringBehavior,
  ViewerProtocolPolicy,
} from 'aws-cdk-lib/aws-cloudfront';
import { HttpOrigin } from 'aws-cdk-lib/aws-cloudfront-origins';
import { Construct } from 'constructs';
import {
  callerHeaders,
  customResources,
  functionEnv,
  originSecretHeader,
  viewerAddressHeader,
} from '../../contract/shared/environment-variables.ts';
import type { VaultFunction } from '../shared/vault-function.ts';

/**
 * A secret that the distribution adds to its requests to the API, so that the API knows which requests CloudFront sent.
 * The publisher draws it when the resource is created or updated. It is not in the template. A changed property of the
 * resource updates it, and so replaces the secret.
 */
export class OriginSecret extends Construct {
  /** The secret, as a reference. */
  readonly value: string;
  private readonly hash: string;

  constructor(scope: Construct, id: string, publisher: VaultFunction) {
    super(scope, id);
    const secret = new CustomResource(this, 'Secret', {
      resourceType: customResources.originSecret,
      serviceToken: publisher.alias.functionArn,
      serviceTimeout: Duration.minutes(10),
      properties: { Number: 1 },
    });
    this.value = secret.getAttString('Secret');
    this.hash = secret.getAttString('SecretSha256');
  }

  /** Sets the hash of the secret in a function's environment. The function cannot compute the secret from it. */
  tellHash(fn: VaultFunction): void {
    fn.set(functionEnv.originSecretHash, this.hash);
  }
}

/**
 * The viewer's headers that are forwarded, at most ten (CloudFront quotas). Policies that forward all headers cannot be
 * used: with `Host` among them, the API refuses the request; and the policy that excludes `Host` does not add headers
 * of CloudFront. The headers of CORS are for clients in pages of other sites.
 */
const forwardedHeaders = [
  'content-type',
  'user-agent',
  'x-anima-client',
  ...Object.values(callerHeaders),
  'origin',
  'access-control-request-method',
  'access-control-request-headers',
  viewerAddressHeader,
];

interface ApiBehaviorProps {
  /** Name of the origin request policy, unique in the account. */
  readonly policyName: string;
  /** URL of the API, `https://…`. */
  readonly apiUrl: string;
  readonly secret: OriginSecret;
}

/** API paths that the link page calls on its own origin, and those of devices of session custody, with wildcards. */
const linkPaths = ['/v1/links/*', '/v1/secret-links/*'];
const devicePaths = ['/v1/session/*'];

/**
 * Forwards requests of the pages to the API, uncached. Those of links get the viewer's address and the secret. Those of
 * devices are signed, so all headers of the viewer are forwarded, and the function knows the page's host as one of its own.
 */
export const apiBehaviors = (
  scope: Construct,
  { policyName, apiUrl, secret }: ApiBehaviorProps,
): Record<string, BehaviorOptions> => {
  const common = {
    origin: new HttpOrigin(Fn.select(2, Fn.split('/', apiUrl)), {
      protocolPolicy: OriginProtocolPolicy.HTTPS_ONLY,
      // CloudFront replaces a header of the viewer that has this name.
      customHeaders: { [originSecretHeader]: secret.value },
    }),
    cachePolicy: CachePolicy.CACHING_DISABLED,
    allowedMethods: AllowedMethods.ALLOW_ALL,
    viewerProtocolPolicy: ViewerProtocolPolicy.HTTPS_ONLY,
  };
  const originRequestPolicy = new OriginRequestPolicy(scope, 'ApiRequests', {
    originRequestPolicyName: policyName,
    comment: 'Requests of the page that opens links to the API',
    headerBehavior: OriginRequestHeaderBehavior.allowList(...forwardedHeaders),
    cookieBehavior: OriginRequestCookieBehavior.all(),
    queryStringBehavior: OriginRequestQueryStringBehavior.all(),
  });
  const ofLinks = { ...common, originRequestPolicy };
  const ofDevices = { ...common, originRequestPolicy: OriginRequestPolicy.ALL_VIEWER_EXCEPT_HOST_HEADER };
  return {
    ...Object.fromEntries(linkPaths.map((path) => [path, ofLinks])),
    ...Object.fromEntries(devicePaths.map((path) => [path, ofDevices])),
  };
};
