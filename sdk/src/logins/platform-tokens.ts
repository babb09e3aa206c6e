/** Gets the OpenID Connect token that a platform gives a job or a pod. */
import { clientEnv } from '../../../contract/shared/environment-variables.ts';
import { nodeProcessPart, type Signal } from '../shared/client-options.ts';
import { type AnimaError, createError } from '../shared/errors.ts';
import type { IdentityName } from '../shared/identity-types.ts';
import { isPlainObject } from '../shared/is-plain-object.ts';

export const identityError = (detail: string): AnimaError =>
  createError('identity_unavailable', { detail: `${detail}. Nothing was sent to the vault` });

export function variable(name: string): string | undefined {
  const value = nodeProcessPart('env')?.[name];
  return typeof value === 'string' && value !== '' ? value : undefined;
}

/** Default file of a projected service account token (docs/guide-agent.md). */
const defaultTokenFile = '/var/run/secrets/anima/token';

/** The platform that the environment shows. @throws AnimaError identity_unavailable */
export function detectPlatform(): IdentityName {
  const named = variable(clientEnv.identity);
  if (named === 'github' || named === 'gitlab' || named === 'kubernetes' || named === 'aws') return named;
  if (named !== undefined) throw identityError(`${clientEnv.identity} must be github, gitlab, kubernetes or aws`);
  if (variable('GITHUB_ACTIONS') !== undefined) return 'github';
  if (variable('GITLAB_CI') !== undefined || variable(clientEnv.identityToken) !== undefined) return 'gitlab';
  if (variable(clientEnv.identityTokenFile) !== undefined) return 'kubernetes';
  if (awsVariables.some((name) => variable(name) !== undefined)) return 'aws';
  if (variable('KUBERNETES_SERVICE_HOST') !== undefined) return 'kubernetes';
  throw identityError(
    `the environment shows no GitHub, GitLab, Kubernetes or AWS identity. Set ${clientEnv.identity} or the option identity`,
  );
}

const awsVariables = [
  'AWS_SESSION_TOKEN',
  'AWS_CONTAINER_CREDENTIALS_RELATIVE_URI',
  'AWS_CONTAINER_CREDENTIALS_FULL_URI',
];

/**
 * A token of GitHub Actions for an audience. Source: GitHub, "OpenID Connect reference", "Methods for requesting the
 * OIDC token".
 */
export async function githubToken(audience: string, signal: Signal): Promise<string> {
  const [url, bearer] = [variable('ACTIONS_ID_TOKEN_REQUEST_URL'), variable('ACTIONS_ID_TOKEN_REQUEST_TOKEN')];
  if (url === undefined || bearer === undefined) {
    throw identityError(
      'GitHub gives this job no identity. Give the job `permissions: id-token: write`. Jobs of forks get none',
    );
  }
  const address = URL.canParse(url) ? new URL(url) : undefined;
  if (address === undefined || !isSafeAddress(address))
    throw identityError('ACTIONS_ID_TOKEN_REQUEST_URL is not https');
  address.searchParams.set('audience', audience);
  const response = await fetchIdentity(
    address,
    { authorization: `Bearer ${bearer}`, accept: 'application/json' },
    signal,
  );
  const body = parseObject(await response.text());
  if (!response.ok || typeof body?.value !== 'string')
    throw identityError(`GitHub answered the request for a token with ${response.status}`);
  return body.value;
}

/** https, or a test on this machine. */
const isSafeAddress = ({ protocol, hostname }: URL): boolean =>
  protocol === 'https:' || (protocol === 'http:' && hostname === '127.0.0.1');

/** The token of a GitLab job: `id_tokens` of .gitlab-ci.yml. */
export function gitlabToken(audience: string): string {
  const token = variable(clientEnv.identityToken);
  if (token !== undefined) return token;
  throw identityError(`give the job id_tokens: { ${clientEnv.identityToken}: { aud: ${audience} } }`);
}

/** The token of a projected volume. The kubelet replaces the file before the token expires, so it is read each time. */
export async function tokenOfFile(audience: string): Promise<string> {
  const path = variable(clientEnv.identityTokenFile) ?? defaultTokenFile;
  try {
    return (await readText(path)).trim();
  } catch {
    throw identityError(
      `the file ${path} cannot be read. Project a serviceAccountToken with the audience ${audience} there, or set ${clientEnv.identityTokenFile}`,
    );
  }
}

/** Reads a file. Only Node has one, and bundlers for browsers must not look for the module. */
export async function readText(path: string): Promise<string> {
  const host: unknown = Reflect.get(globalThis, 'process');
  const getModule: unknown =
    typeof host === 'object' && host !== null ? Reflect.get(host, 'getBuiltinModule') : undefined;
  if (typeof getModule !== 'function') throw identityError('this platform has no files');
  const { readFile } = getModule('node:fs/promises') as { readFile(path: string, encoding: 'utf8'): Promise<string> };
  return await readFile(path, 'utf8');
}

export async function fetchIdentity(
  url: URL,
  headers: Record<string, string>,
  signal: Signal,
  method = 'GET',
): Promise<Response> {
  try {
    // A followed redirect could send the credential of the platform to another host.
    return await globalThis.fetch(url, { method, headers, redirect: 'manual', signal: signal as AbortSignal });
  } catch {
    throw identityError(`${url.host} does not answer`);
  }
}

export function parseObject(text: string): Record<string, unknown> | undefined {
  try {
    const json: unknown = JSON.parse(text);
    return isPlainObject(json) ? json : undefined;
  } catch {
    return undefined;
  }
}
