/**
 * Builds GetCallerIdentity requests from the parts that a client sent, and reads the response of STS. The vault takes no
 * URL, header or body from a client, so a signature for another action, host or server id fits no request that it sends.
 */
import {
  callerIdentityBody,
  callerIdentityContentType,
  partitionOf,
  serverIdHeader,
  signedHeaders,
  stsHostOf,
} from '../../contract/logins/aws-requests.ts';
import { loginLimits } from '../../contract/logins/limits.ts';
import type { AwsIdentity, LogInWithAwsRequest } from '../../contract/logins/wire.ts';
import { IdentityRefusedError } from './identity-refusal.ts';
import type { CallerIdentityRequest } from './login-ports.ts';

/** The AWS principal that signed a request. */
export interface AwsCaller {
  readonly account: string;
  /** Unique id of the role, `AROA…`. */
  readonly roleId: string;
  /** Chosen by whoever assumed the role. */
  readonly sessionName: string;
}

/** @throws IdentityRefusedError if the request has no endpoint in the partition of the login */
export function buildCallerIdentityRequest(
  parts: LogInWithAwsRequest,
  { partition = 'aws' }: AwsIdentity,
): CallerIdentityRequest {
  const { region, date, accessKeyId, securityToken, signature, audience, login, nonce } = parts;
  const host = partitionOf(region) === partition ? stsHostOf(region, partition) : undefined;
  if (host === undefined) throw new IdentityRefusedError('request_form');
  const scope = `${accessKeyId}/${date.slice(0, 8)}/${region}/sts/aws4_request`;
  const authorization = `AWS4-HMAC-SHA256 Credential=${scope}, SignedHeaders=${signedHeaders.join(';')}, Signature=${signature}`;
  const headers = new Map([
    ['content-type', callerIdentityContentType],
    ['host', host],
    ['x-amz-date', date],
    ['x-amz-security-token', securityToken],
    [serverIdHeader, `${audience}/${login}/${nonce}`],
    ['authorization', authorization],
  ]);
  return { host, headers, body: callerIdentityBody };
}

/** @throws IdentityRefusedError if the time of the request is too far from now, or is no time */
export function assertCurrentRequest({ date }: LogInWithAwsRequest, now: Date): void {
  const [, year, month, day, hour, minute, second] = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(date) ?? [];
  const time = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
  const isCurrent = Math.abs(time - now.getTime()) <= loginLimits.awsSkewSeconds * 1000;
  // Also false for a text that is no time.
  if (!isCurrent) throw new IdentityRefusedError('request_time');
}

/**
 * The whole response of STS (AWS STS API reference, "GetCallerIdentity"). Comments, entities, CDATA, attributes and
 * further elements match nothing.
 */
const responsePattern = new RegExp(
  '^<GetCallerIdentityResponse xmlns="https://sts\\.amazonaws\\.com/doc/2011-06-15/">\\s*' +
    '<GetCallerIdentityResult>\\s*((?:<(?:Arn|UserId|Account)>[^<>&]{1,2048}</(?:Arn|UserId|Account)>\\s*){3})' +
    '</GetCallerIdentityResult>\\s*' +
    '<ResponseMetadata>\\s*<RequestId>[0-9A-Za-z-]{1,128}</RequestId>\\s*</ResponseMetadata>\\s*' +
    '</GetCallerIdentityResponse>\\s*$',
);
const memberPattern = /<(Arn|UserId|Account)>([^<>&]*)<\/\1>/g;
const arnPattern = /^arn:[a-z-]{3,16}:sts::([0-9]{12}):assumed-role\/[\w+=,.@-]{1,64}\/([\w+=,.@-]{2,64})$/;
const userIdPattern = /^(AROA[A-Z0-9]{12,124}):([\w+=,.@-]{2,64})$/;

/** The caller in a response of STS; undefined if it is no session of a role, or the response has another form. */
export function parseCallerIdentity(xml: string): AwsCaller | undefined {
  const [, result] = responsePattern.exec(xml) ?? [];
  if (result === undefined) return undefined;
  const members = new Map([...result.matchAll(memberPattern)].map(([, name, value]) => [name, value] as const));
  const [, accountOfArn, nameOfArn] = arnPattern.exec(members.get('Arn') ?? '') ?? [];
  const [, roleId, sessionName] = userIdPattern.exec(members.get('UserId') ?? '') ?? [];
  const account = members.get('Account');
  if (account === undefined || roleId === undefined || sessionName === undefined) return undefined;
  return account === accountOfArn && sessionName === nameOfArn ? { account, roleId, sessionName } : undefined;
}
