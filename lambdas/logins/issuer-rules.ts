/**
 * Which issuers and claims a login can have (docs/workload-identity.md, section 3). Anybody can get tokens from an
 * issuer with many customers, so a login must name the customer by an id that nobody else can get.
 */
import type { TokenAlgorithm } from '../../contract/logins/algorithms.ts';
import type { OidcIdentity } from '../../contract/logins/wire.ts';
import { ipLiteralOf } from '../../egress/rules/public-addresses.ts';

interface IssuerProblem {
  readonly path: string;
  readonly message: string;
}

interface KnownIssuer {
  readonly matches: RegExp;
  /** A login needs at least one of these claims. */
  readonly oneOf: readonly string[];
  /** Whether the issuer draws a new `jti` for each request. */
  readonly drawsTokenIds?: true;
}

/**
 * Issuers that serve many customers. Sources: GitHub "OpenID Connect reference"; GitLab "ID token authentication";
 * Google "Verify the Google ID token"; Microsoft "ID token claims reference"; Buildkite "OIDC"; HCP Terraform "Workload
 * identity"; CircleCI "OIDC tokens"; Vercel "OIDC Federation Reference".
 */
const knownIssuers: readonly KnownIssuer[] = [
  {
    matches: /^https:\/\/token\.actions\.githubusercontent\.com(?:\/[^/]+)?$/,
    oneOf: ['repository_id', 'repository_owner_id', 'enterprise_id'],
    drawsTokenIds: true,
  },
  { matches: /^https:\/\/gitlab\.com$/, oneOf: ['project_id', 'namespace_id'] },
  { matches: /^https:\/\/accounts\.google\.com$/, oneOf: ['sub'] },
  { matches: /^https:\/\/(?:login\.microsoftonline\.com|sts\.windows\.net)\//, oneOf: ['oid', 'sub'] },
  { matches: /^https:\/\/agent\.buildkite\.com$/, oneOf: ['organization_id', 'pipeline_id'] },
  { matches: /^https:\/\/app\.terraform\.io$/, oneOf: ['terraform_organization_id', 'terraform_workspace_id'] },
  { matches: /^https:\/\/oidc\.vercel\.com(?:\/[^/]+)?$/, oneOf: ['owner_id', 'project_id'] },
  { matches: /^https:\/\/oidc\.circleci\.com\/org\//, oneOf: ['oidc.circleci.com/project-id', 'sub'] },
];

/** Issuers whose path must name a tenant: without it, the tokens of every tenant would be accepted. */
const tenantIssuer = /^https:\/\/(?:login\.microsoftonline\.com|sts\.windows\.net)(?:\/|$)/;
const uuidTenant = /^\/[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}(?:\/v2\.0|\/)$/;

/** Claims that the vault checks itself. */
const registeredClaims = new Set(['iss', 'aud', 'exp', 'nbf', 'iat', 'jti']);

/** A claim whose value an issuer gives to one subject only. */
const isIdClaim = (name: string): boolean => name === 'sub' || /(?:^|[/_.-])u?id$/i.test(name);

/** Also with slashes at the end, which an issuer could be given by mistake. */
const known = (issuer: string): KnownIssuer | undefined =>
  knownIssuers.find(({ matches }) => matches.test(issuer.replace(/\/+$/, '')));

export const defaultAlgorithms = (issuer: string): readonly TokenAlgorithm[] =>
  known(issuer) === undefined ? ['RS256', 'ES256'] : ['RS256'];

export const drawsTokenIds = (issuer: string): boolean => known(issuer)?.drawsTokenIds === true;

/** Why a login cannot have this identity; undefined if it can. @param allowsLoopback only in the local vault */
export function issuerProblem({ issuer, claims }: OidcIdentity, allowsLoopback: boolean): IssuerProblem | undefined {
  const message = addressProblem(issuer, allowsLoopback);
  return message === undefined ? claimsProblem(issuer, claims) : { path: 'oidc.issuer', message };
}

function addressProblem(issuer: string, allowsLoopback: boolean): string | undefined {
  const url = URL.canParse(issuer) ? new URL(issuer) : undefined;
  const isLoopback = url?.protocol === 'http:' && url.hostname === '127.0.0.1';
  if (url === undefined || !(isLoopback ? allowsLoopback : isPublicIssuer(url)))
    return 'must be an https URL with a host name and without a port';
  // No token has another spelling. The list above would take it for an unknown issuer, too.
  if (issuer !== url.href && `${issuer}/` !== url.href)
    return 'must be in lower case, and written as the claim iss of the tokens';
  return tenantIssuer.test(issuer) && !uuidTenant.test(url.pathname) ? 'must name one tenant by its id' : undefined;
}

function claimsProblem(issuer: string, claims: OidcIdentity['claims']): IssuerProblem | undefined {
  const names = Object.keys(claims);
  const registered = names.find((name) => registeredClaims.has(name));
  if (registered !== undefined) {
    return { path: `oidc.claims.${registered}`, message: 'is checked by the vault and cannot be bound' };
  }
  const { oneOf } = known(issuer) ?? {};
  if (oneOf !== undefined && !oneOf.some((name) => names.includes(name))) {
    return {
      path: 'oidc.claims',
      message: `must include ${oneOf.join(' or ')}, because everybody can use this issuer`,
    };
  }
  if (oneOf === undefined && !names.some(isIdClaim)) {
    return { path: 'oidc.claims', message: 'must include sub or a claim whose name ends in id' };
  }
  return undefined;
}

const isPublicIssuer = ({ protocol, hostname, port, host, href, pathname }: URL): boolean =>
  protocol === 'https:' &&
  port === '' &&
  ipLiteralOf(hostname) === undefined &&
  hostname.includes('.') &&
  !hostname.endsWith('.') &&
  href === `https://${host}${pathname}`;
