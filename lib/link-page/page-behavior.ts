import {
  AllowedMethods,
  type BehaviorOptions,
  CachePolicy,
  FunctionEventType,
  type IFunctionRef,
  type IOrigin,
  type IResponseHeadersPolicy,
  ViewerProtocolPolicy,
} from 'aws-cdk-lib/aws-cloudfront';

interface PageParts {
  /** The bucket of the pages. */
  readonly origin: IOrigin;
  /** Maps paths of viewers to files of the bucket. */
  readonly paths: IFunctionRef;
  readonly headers: IResponseHeadersPolicy;
}

/** How the distribution serves the files of a page. */
export const pageBehavior = ({ origin, paths, headers }: PageParts): BehaviorOptions => ({
  origin,
  functionAssociations: [{ function: paths, eventType: FunctionEventType.VIEWER_REQUEST }],
  responseHeadersPolicy: headers,
  cachePolicy: CachePolicy.CACHING_OPTIMIZED,
  allowedMethods: AllowedMethods.ALLOW_GET_HEAD,
  viewerProtocolPolicy: ViewerProtocolPolicy.HTTPS_ONLY,
  compress: true,
});
