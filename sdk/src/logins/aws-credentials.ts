/**
 * Credentials of the AWS role of this process: from the environment, from the endpoint of a container (ECS, EKS Pod
 * Identity), or from the instance (EC2, IMDSv2). Other sources, such as profiles and SSO, come from a credential provider
 * of the AWS SDK. Sources: AWS SDKs and Tools Reference Guide, "Container credential provider"; EC2 user guide, "Use
 * IMDSv2".
 */
import type { Signal } from '../shared/client-options.ts';
import type { AwsCredentials } from '../shared/identity-types.ts';
import { fetchIdentity, identityError, parseObject, readText, variable } from './platform-tokens.ts';

const containerHost = 'http://169.254.170.2';
const instanceHost = 'http://169.254.169.254';

/** Hosts of credentials over http: this machine, ECS and EKS. */
const containerHosts = ['127.0.0.1', '[::1]', 'localhost', '169.254.170.2', '169.254.170.23', '[fd00:ec2::23]'];

/** @throws AnimaError identity_unavailable */
export async function findAwsCredentials(signal: Signal): Promise<AwsCredentials> {
  const [accessKeyId, secretAccessKey, sessionToken] = [
    variable('AWS_ACCESS_KEY_ID'),
    variable('AWS_SECRET_ACCESS_KEY'),
    variable('AWS_SESSION_TOKEN'),
  ];
  if (accessKeyId !== undefined && secretAccessKey !== undefined) {
    if (sessionToken !== undefined) return { accessKeyId, secretAccessKey, sessionToken };
    throw identityError('the AWS credentials in the environment are those of a user. Assume a role');
  }
  const container = containerAddress();
  if (container !== undefined) return await containerCredentials(container, signal);
  if (variable('AWS_EC2_METADATA_DISABLED')?.toLowerCase() === 'true') throw noCredentials();
  return await instanceCredentials(signal);
}

const noCredentials = () =>
  identityError(
    'there are no AWS credentials in the environment, of a container or of an instance. Give the option identity a provider',
  );

function containerAddress(): URL | undefined {
  const relative = variable('AWS_CONTAINER_CREDENTIALS_RELATIVE_URI');
  if (relative !== undefined) return new URL(relative, containerHost);
  const full = variable('AWS_CONTAINER_CREDENTIALS_FULL_URI');
  if (full === undefined) return undefined;
  const url = URL.canParse(full) ? new URL(full) : undefined;
  if (url?.protocol === 'https:' || (url?.protocol === 'http:' && containerHosts.includes(url.hostname))) return url;
  throw identityError('AWS_CONTAINER_CREDENTIALS_FULL_URI is neither https nor an address of AWS');
}

async function containerCredentials(url: URL, signal: Signal): Promise<AwsCredentials> {
  const file = variable('AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE');
  const token = file === undefined ? variable('AWS_CONTAINER_AUTHORIZATION_TOKEN') : (await readText(file)).trim();
  const response = await fetchIdentity(url, token === undefined ? {} : { authorization: token }, signal);
  return parseCredentials(await response.text(), response.ok);
}

async function instanceCredentials(signal: Signal): Promise<AwsCredentials> {
  const soon = AbortSignal.any([signal as AbortSignal, AbortSignal.timeout(2_000)]);
  const ask = async (path: string, headers: Record<string, string>, method = 'GET') => {
    const response = await fetchIdentity(new URL(path, instanceHost), headers, soon, method).catch(() => undefined);
    if (response?.ok !== true) throw noCredentials();
    return await response.text();
  };
  const token = await ask('/latest/api/token', { 'x-aws-ec2-metadata-token-ttl-seconds': '300' }, 'PUT');
  const headers = { 'x-aws-ec2-metadata-token': token };
  const path = '/latest/meta-data/iam/security-credentials/';
  const [role = ''] = (await ask(path, headers)).trim().split('\n');
  return parseCredentials(await ask(path + encodeURIComponent(role), headers), true);
}

function parseCredentials(text: string, isOk: boolean): AwsCredentials {
  const { AccessKeyId, SecretAccessKey, Token } = parseObject(text) ?? {};
  const isComplete = [AccessKeyId, SecretAccessKey, Token].every((part) => typeof part === 'string' && part !== '');
  if (!isOk || !isComplete) throw identityError('the endpoint of AWS credentials gave none');
  return { accessKeyId: String(AccessKeyId), secretAccessKey: String(SecretAccessKey), sessionToken: String(Token) };
}
