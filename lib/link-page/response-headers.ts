import { Duration } from 'aws-cdk-lib';
import { HeadersFrameOption, HeadersReferrerPolicy, ResponseHeadersPolicy } from 'aws-cdk-lib/aws-cloudfront';
import type { Construct } from 'constructs';

interface PageHeadersProps {
  readonly name: string;
  /** As `sha256-<base64>`. */
  readonly scriptHash: string;
  readonly styleHash: string;
  /** Where the ciphertext is downloaded from. */
  readonly objectsOrigin: string;
}

/**
 * What the page may do, as browsers enforce it: run the one script, take the one style, show what it decrypted itself, speak to
 * its own origin and to the bucket. Content Security Policy Level 3; Trusted Types: no text becomes markup or script.
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

/** All features that browsers know by a name; of these the page has one use, a video over the whole screen. */
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

/** Headers of CloudFront's own choice of names, beside those that it has settings for. */
const customHeaders: Readonly<Record<string, string>> = {
  'Cache-Control': 'no-cache',
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Permissions-Policy': permissionsPolicy,
  'X-Robots-Tag': 'noindex',
};

/** The headers of the page, set by CloudFront over whatever the bucket answers. */
export const pageResponseHeaders = (scope: Construct, id: string, props: PageHeadersProps): ResponseHeadersPolicy =>
  new ResponseHeadersPolicy(scope, id, {
    responseHeadersPolicyName: props.name,
    comment: 'The page that opens links',
    securityHeadersBehavior: {
      contentSecurityPolicy: { contentSecurityPolicy: contentSecurityPolicy(props), override: true },
      contentTypeOptions: { override: true },
      frameOptions: { frameOption: HeadersFrameOption.DENY, override: true },
      referrerPolicy: { referrerPolicy: HeadersReferrerPolicy.NO_REFERRER, override: true },
      strictTransportSecurity: { accessControlMaxAge: Duration.days(730), override: true },
    },
    customHeadersBehavior: {
      customHeaders: Object.entries(customHeaders).map(([header, value]) => ({ header, value, override: true })),
    },
  });
