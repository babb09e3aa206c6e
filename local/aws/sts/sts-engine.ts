/**
 * An STS emulator: AssumeRole with session tags, for roles of the template, and GetCallerIdentity. A caller receives a
 * session only if the template's policies allow it, and its identity in any case. Source: AWS STS API reference,
 * 2011-06-15, "AssumeRole" and "GetCallerIdentity".
 */
import { createHash, randomUUID } from 'node:crypto';
import { z } from 'zod';
import type { RoleSpec } from '../cloudformation/deployment-spec.ts';
import type { ServiceEngine } from '../endpoint/service-engine.ts';
import { escapeXmlText, queryProtocol } from '../endpoint/wire-protocols.ts';
import type { CredentialStore, Principal } from '../iam/credential-store.ts';
import { account, iamArn } from '../shared/aws-account.ts';
import { ServiceError } from '../shared/errors.ts';
import { firstIssue } from '../shared/json.ts';
import { type AssumeRequest, compileIdentityPolicy, compileTrustPolicy } from './assume-role-policies.ts';

const inputSchema = z
  .object({
    Version: z.literal('2011-06-15'),
    RoleArn: z.string().min(20).max(2048),
    RoleSessionName: z.string().regex(/^[\w+=,.@-]{2,64}$/),
    DurationSeconds: z.coerce.number().int().min(900).max(43_200).default(3600),
  })
  .catchall(z.string());

/** Tag keys and values: letters, digits, spaces and these characters; at most 128 and 256 characters. */
const tagKey = /^[\p{L}\p{Z}\p{N}_.:/=+\-@]{1,128}$/u;
const tagValue = /^[\p{L}\p{Z}\p{N}_.:/=+\-@]{0,256}$/u;
const tagField = /^Tags\.member\.(\d{1,2})\.(Key|Value)$/;

/** With role chaining, a session lasts at most one hour, independent of the role's limit. */
const maxChainedSessionSeconds = 3600;

export function stsEngine(roles: readonly RoleSpec[], credentials: CredentialStore): ServiceEngine {
  const policies = new Map(
    roles.map(({ roleArn, logicalId, trust, statements }) => [
      roleArn,
      { trusts: compileTrustPolicy(trust, logicalId), allows: compileIdentityPolicy(statements, logicalId) },
    ]),
  );

  const authorize = (request: AssumeRequest): void => {
    const tagged = Object.keys(request.tags).length > 0;
    for (const action of ['sts:AssumeRole', ...(tagged ? ['sts:TagSession'] : [])]) {
      const allowed = policies.get(request.callerArn)?.allows(action, request) === true;
      if (allowed && policies.get(request.roleArn)?.trusts(action, request) === true) continue;
      const message = `User: ${request.callerArn} is not authorized to perform: ${action} on resource: ${request.roleArn}`;
      throw new ServiceError('AccessDenied', message, 403);
    }
  };

  return {
    service: 'sts',
    protocol: queryProtocol,
    async run({ action, input, principal }) {
      if (action === 'GetCallerIdentity') return { status: 200, body: callerIdentityResponse(principal) };
      if (action !== 'AssumeRole')
        throw new ServiceError('InvalidAction', `The STS emulator does not support ${action}.`);
      const parsed = inputSchema.safeParse(input);
      if (!parsed.success) throw new ServiceError('ValidationError', firstIssue(parsed.error));
      const { RoleArn: roleArn, RoleSessionName: sessionName, DurationSeconds: seconds, ...rest } = parsed.data;
      if (seconds > maxChainedSessionSeconds) {
        throw new ServiceError('ValidationError', 'DurationSeconds exceeds the 1 hour limit for role chaining.');
      }
      const tags = parseSessionTags(rest);
      authorize({ callerArn: principal.arn, roleArn, sessionName, tags });
      const session: Principal = { name: principal.name, arn: roleArn, tags };
      const issued = credentials.issueSession(session, new Date(Date.now() + seconds * 1000));
      return { status: 200, body: assumeRoleResponse(roleArn, sessionName, issued) };
    },
  };
}

/** Parses the tags of `Tags.member.N.Key` and `.Value`. */
function parseSessionTags(fields: Readonly<Record<string, unknown>>): Record<string, string> {
  const members = new Map<string, { Key?: string; Value?: string }>();
  for (const [field, text] of Object.entries(fields)) {
    const [, index, part] = tagField.exec(field) ?? [];
    if (index !== undefined && part !== undefined) members.set(index, { ...members.get(index), [part]: String(text) });
  }
  const tags: Record<string, string> = {};
  for (const { Key = '', Value = '' } of members.values()) {
    if (!tagKey.test(Key) || !tagValue.test(Value)) throw new ServiceError('ValidationError', 'A tag is malformed.');
    if (Object.hasOwn(tags, Key)) throw new ServiceError('InvalidParameterValue', 'Duplicate tag keys found.');
    tags[Key] = Value;
  }
  return tags;
}

/** The unique id of a role. AWS draws it when the role is created; here it follows from the ARN. */
export const roleIdOf = (roleArn: string): string =>
  `AROA${createHash('sha256').update(roleArn).digest('hex').slice(0, 17).toUpperCase()}`;

/** The response about a session of a role. The name of the principal stands for the name of the session. */
function callerIdentityResponse({ name, arn }: Principal): string {
  const userArn = iamArn(`assumed-role/${arn.slice(arn.indexOf('/') + 1)}/${name}`).replace(':iam:', ':sts:');
  return (
    '<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">' +
    element(
      'GetCallerIdentityResult',
      text('Arn', userArn),
      text('UserId', `${roleIdOf(arn)}:${name}`),
      text('Account', account.id),
    ) +
    element('ResponseMetadata', text('RequestId', randomUUID())) +
    '</GetCallerIdentityResponse>'
  );
}

const element = (name: string, ...content: string[]) => `<${name}>${content.join('')}</${name}>`;
const text = (name: string, value: string) => element(name, escapeXmlText(value));

type Issued = ReturnType<CredentialStore['issueSession']>;

function assumeRoleResponse(roleArn: string, sessionName: string, issued: Issued): string {
  const roleName = roleArn.slice(roleArn.indexOf('/') + 1);
  const userArn = iamArn(`assumed-role/${roleName}/${sessionName}`).replace(':iam:', ':sts:');
  return element(
    'AssumeRoleResponse',
    element(
      'AssumeRoleResult',
      element('AssumedRoleUser', text('Arn', userArn), text('AssumedRoleId', `AROALOCAL:${sessionName}`)),
      element(
        'Credentials',
        text('AccessKeyId', issued.accessKeyId),
        text('SecretAccessKey', issued.secretAccessKey),
        text('SessionToken', issued.sessionToken),
        text('Expiration', issued.expiration.toISOString()),
      ),
    ),
    element('ResponseMetadata', text('RequestId', randomUUID())),
  );
}
