import { Duration } from 'aws-cdk-lib';
import { HeadersFrameOption, HeadersReferrerPolicy, ResponseHeadersPolicy } from 'aws-cdk-lib/aws-cloudfront';
import type { Construct } from 'constructs';

interface OwnerPageHeadersProps extends PageHeadersProps {
  /** Origin of the WebSocket API. */
  readonly socketsOrigin: string;
}

interface PageHeadersProps {
  readonly name: string;
  /** `sha256-<base64>`. */
  readonly scriptHash: string;
  readonly styleHash: string;
  /** Origin from which the ciphertext is downloaded. */
  readonly objectsOrigin: string;
}

/**
 * Limits the page to its inline script and style, decrypted content in blob URLs, and connections to its own origin and
 * the bucket. Trusted Types prevent text from being used as markup or script. Source: Content Security Policy Level 3.
 */
const contentSecurityPolicy = ({ scriptHash, styleHash, objectsOrigin }: PageHeadersProps): string =>
  [
    "default-src 'none'",
    `script-src '${scriptHash}'`,
    `style-src '${styleHash}'`,
    'img-src blob:',
    'media-src blob:',
    `connect-src 'self' ${objectsOrigin}`,
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
  ].join('; ');

/**
 * The same for the owner's page. It loads its service worker, manifest and icon from its own origin, and connects to the
 * WebSocket API. Its only Trusted Types policy makes the address of the service worker, which is a constant.
 */
const ownerSecurityPolicy = ({ scriptHash, styleHash, objectsOrigin, socketsOrigin }: OwnerPageHeadersProps): string =>
  [
    "default-src 'none'",
    `script-src '${scriptHash}'`,
    `style-src '${styleHash}'`,
    "img-src 'self'",
    "manifest-src 'self'",
    "worker-src 'self'",
    `connect-src 'self' ${objectsOrigin} ${socketsOrigin}`,
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
    'trusted-types anima-owner',
  ].join('; ');

/** Denies all browser features except full screen, which the page uses for videos. */
const permissionsPolicy = [
  ...['accelerometer', 'ambient-light-sensor', 'attribution-reporting', 'autoplay', 'battery', 'bluetooth'],
  ...['browsing-topics', 'camera', 'clipboard-read', 'clipboard-write', 'compute-pressure', 'cross-origin-isolated'],
  ...['display-capture', 'encrypted-media', 'gamepad', 'geolocation', 'gyroscope', 'hid', 'identity-credentials-get'],
  ...['idle-detection', 'interest-cohort', 'join-ad-interest-group', 'keyboard-map', 'local-fonts', 'magnetometer'],
  ...['microphone', 'midi', 'otp-credentials', 'payment', 'picture-in-picture', 'private-state-token-issuance'],
  ...['private-state-token-redemption', 'publickey-credentials-create', 'publickey-credentials-get'],
  ...['run-ad-auction', 'screen-wake-lock', 'serial', 'shared-storage', 'speaker-selection', 'storage-access'],
  ...['sync-xhr', 'usb', 'web-share', 'window-management', 'xr-spatial-tracking'],
]
  .map((feature) => `${feature}=()`)
  .concat('fullscreen=(self)')
  .join(', ');

/** Headers for which CloudFront has no dedicated setting. */
const customHeaders: Readonly<Record<string, string>> = {
  'Cache-Control': 'no-cache',
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Permissions-Policy': permissionsPolicy,
  'X-Robots-Tag': 'noindex',
};

/** The response headers of the page. CloudFront sets them and overrides those of the bucket. */
export const pageResponseHeaders = (scope: Construct, id: string, props: PageHeadersProps): ResponseHeadersPolicy =>
  headersPolicy(scope, id, props.name, 'The page that opens links', contentSecurityPolicy(props));

/** The response headers of the owner's page and its files. */
export const ownerPageHeaders = (scope: Construct, id: string, props: OwnerPageHeadersProps): ResponseHeadersPolicy =>
  headersPolicy(scope, id, props.name, "The owner's page", ownerSecurityPolicy(props));

const headersPolicy = (scope: Construct, id: string, name: string, comment: string, policy: string) =>
  new ResponseHeadersPolicy(scope, id, {
    responseHeadersPolicyName: name,
    comment,
    securityHeadersBehavior: {
      contentSecurityPolicy: { contentSecurityPolicy: policy, override: true },
      contentTypeOptions: { override: true },
      frameOptions: { frameOption: HeadersFrameOption.DENY, override: true },
      referrerPolicy: { referrerPolicy: HeadersReferrerPolicy.NO_REFERRER, override: true },
      strictTransportSecurity: { accessControlMaxAge: Duration.days(730), override: true },
    },
    customHeadersBehavior: {
      customHeaders: Object.entries(customHeaders).map(([header, value]) => ({ header, value, override: true })),
    },
  });
