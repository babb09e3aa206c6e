/**
 * The address of a viewer behind CloudFront. The API sees an address of CloudFront, and anyone can call the API directly
 * with CloudFront's headers. Only the distribution of the link page knows the secret that it adds to its requests.
 */
import { createHash } from 'node:crypto';
import { isIP } from 'node:net';
import { originSecretHeader, viewerAddressHeader } from '../../contract/shared/environment-variables.ts';
import { constantTimeEqual } from '../shared/constant-time-equal.ts';
import type { ApiEvent } from './request-state.ts';

/** Returns the address of the viewer; undefined if it is not proven or not valid. */
export type ViewerAddress = (headers: ApiEvent['headers']) => string | undefined;

/** @param secretHash SHA-256 of the secret, in lower-case hexadecimal */
export const createViewerAddress =
  (secretHash: string): ViewerAddress =>
  (headers) => {
    const secret = headers[originSecretHeader];
    if (secret === undefined || !constantTimeEqual(sha256(secret), secretHash)) return undefined;
    return parseViewerAddress(headers[viewerAddressHeader]);
  };

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

/** An address and a port. CloudFront puts no brackets around IPv6 addresses, so the port follows the last colon. */
const viewerAddressPattern = /^([0-9A-Fa-f.:]{2,45}):([0-9]{1,5})$/;

/** The address without the port; undefined if the value does not have CloudFront's format. */
function parseViewerAddress(value = ''): string | undefined {
  const [, address = '', port] = viewerAddressPattern.exec(value) ?? [];
  return isIP(address) !== 0 && Number(port) <= 65_535 ? address : undefined;
}
