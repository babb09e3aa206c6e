/** An issuer of tokens whose keys the test holds, and the claims that real issuers document. */
import { type CryptoKey, exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose';
import type { IssuerKey } from '../../contract/logins/wire.ts';
import type { IssuerKeySource } from '../../lambdas/logins/login-ports.ts';

export interface SigningKey {
  readonly kid: string;
  readonly alg: string;
  readonly privateKey: CryptoKey;
  readonly publicJwk: JWK;
}

export async function newSigningKey(kid: string, alg = 'RS256'): Promise<SigningKey> {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true });
  return { kid, alg, privateKey, publicJwk: { ...(await exportJWK(publicKey)), kid, alg, use: 'sig' } };
}

/** @param header replaces members of the header */
export async function signToken(
  key: SigningKey,
  claims: Record<string, unknown>,
  header: object = {},
): Promise<string> {
  return await new SignJWT(claims)
    .setProtectedHeader({ alg: key.alg, kid: key.kid, typ: 'JWT', ...header })
    .sign(key.privateKey);
}

/** A key source that counts fetches and can be down. */
export class InMemoryIssuer implements IssuerKeySource {
  keys: SigningKey[];
  fetches = 0;
  isDown = false;

  constructor(keys: SigningKey[]) {
    this.keys = keys;
  }
  async fetchKeys(): Promise<readonly IssuerKey[] | undefined> {
    this.fetches++;
    return this.isDown ? undefined : this.keys.map(({ publicJwk }) => publicJwk as IssuerKey);
  }
}

export const github = 'https://token.actions.githubusercontent.com';

/** The example of GitHub, "OpenID Connect reference", with the times of a test. */
export const githubClaims = (now: Date, audience: string, jti = 'example-id'): Record<string, unknown> => ({
  jti,
  sub: 'repo:octo-org/octo-repo:environment:prod',
  environment: 'prod',
  aud: audience,
  ref: 'refs/heads/main',
  sha: 'example-sha',
  repository: 'octo-org/octo-repo',
  repository_owner: 'octo-org',
  actor_id: '12',
  repository_visibility: 'private',
  repository_id: '74',
  repository_owner_id: '65',
  run_id: 'example-run-id',
  run_number: '10',
  run_attempt: '2',
  runner_environment: 'github-hosted',
  actor: 'octocat',
  workflow: 'example-workflow',
  head_ref: '',
  base_ref: '',
  event_name: 'workflow_dispatch',
  ref_type: 'branch',
  job_workflow_ref: 'octo-org/octo-automation/.github/workflows/oidc.yml@refs/heads/main',
  iss: github,
  ...timesOf(now),
});

/** The example of GitLab, "OpenID Connect (OIDC) Authentication Using ID Tokens". */
export const gitlabClaims = (now: Date, audience: string): Record<string, unknown> => ({
  namespace_id: '72',
  namespace_path: 'my-group',
  project_id: '20',
  project_path: 'my-group/my-project',
  user_id: '1',
  user_login: 'sample-user',
  user_email: 'sample-user@example.com',
  user_access_level: 'developer',
  job_project_id: '20',
  pipeline_id: '574',
  pipeline_source: 'push',
  job_id: '302',
  ref: 'feature-branch-1',
  ref_type: 'branch',
  ref_path: 'refs/heads/feature-branch-1',
  ref_protected: 'false',
  runner_id: 1,
  runner_environment: 'self-hosted',
  sha: '714a629c0b401fdce83e847fc9589983fc6f46bc',
  jti: '235b3a54-b797-45c7-ae9a-f72d7bc6ef5b',
  iss: 'https://gitlab.com',
  sub: 'project_path:my-group/my-project:ref_type:branch:ref:feature-branch-1',
  aud: audience,
  ...timesOf(now),
});

/** Kubernetes, "Managing Service Accounts", "Schema for service account private claims". */
export const kubernetesClaims = (now: Date, audience: string): Record<string, unknown> => ({
  aud: [audience],
  iss: 'https://kubernetes.default.svc.cluster.local',
  jti: 'aed34954-b33a-4142-b1ec-389d6bbb4936',
  'kubernetes.io': {
    namespace: 'my-namespace',
    node: { name: 'my-node', uid: '646e7c5e-32d6-4d42-9dbd-e504e6cbe6b1' },
    pod: { name: 'my-pod', uid: '5e0bd49b-f040-43b0-99b7-22765a53f7f3' },
    serviceaccount: { name: 'my-serviceaccount', uid: '14ee3fa4-a7e2-420f-9f9a-dbc4507c3798' },
  },
  sub: 'system:serviceaccount:my-namespace:my-serviceaccount',
  ...timesOf(now),
});

/** Google, "Verify the identity of instances". */
export const googleClaims = (now: Date, audience: string): Record<string, unknown> => ({
  iss: 'https://accounts.google.com',
  azp: '113328421892842389475',
  aud: audience,
  sub: '113328421892842389475',
  email: 'example@appspot.gserviceaccount.com',
  email_verified: true,
  google: { compute_engine: { project_id: 'my-project', project_number: 739_419_398_126, zone: 'us-west1-a' } },
  ...timesOf(now),
});

/** Microsoft, "Access token claims reference", version 1.0, as managed identities get it. */
export const azureClaims = (now: Date, audience: string): Record<string, unknown> => ({
  aud: audience,
  iss: 'https://sts.windows.net/fa15d692-e9c7-4460-a743-29f29522229a/',
  aio: 'E2NgYGBg',
  appid: '75dbe77f-10a3-4e59-85fd-8c127544f17c',
  appidacr: '2',
  idp: 'https://sts.windows.net/fa15d692-e9c7-4460-a743-29f29522229a/',
  oid: '0ff9b0c5-2b3f-4a0c-8f02-9a5d8a5b6a3e',
  sub: '0ff9b0c5-2b3f-4a0c-8f02-9a5d8a5b6a3e',
  tid: 'fa15d692-e9c7-4460-a743-29f29522229a',
  ver: '1.0',
  ...timesOf(now),
});

/** Issued a minute ago, for ten minutes. */
export function timesOf(now: Date): { nbf: number; iat: number; exp: number } {
  const seconds = Math.floor(now.getTime() / 1000);
  return { nbf: seconds - 60, iat: seconds - 60, exp: seconds + 540 };
}
