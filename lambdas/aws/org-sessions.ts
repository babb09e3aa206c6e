/**
 * Sessions for one org each: credentials of a role whose policy is limited by the session tag. DynamoDB and KMS then
 * deny access to any other org's data, even if a bug here requests it.
 */
import { orgSessionTag } from '../../contract/shared/environment-variables.ts';
import type { CredentialProvider } from './credentials.ts';
import { retryKindOf } from './retry-policy.ts';
import { ServiceError } from './service-error.ts';
import type { IssuedSession, StsClient } from './sts-client.ts';

/** Returns credentials that are valid for at least some minutes, and requests new ones when they near their end. */
export type SessionProvider = CredentialProvider<IssuedSession>;

/** Maximum session duration with role chaining: one hour (IAM user guide, "Role chaining"). */
const sessionSeconds = 3600;

/** AWS SDK clients request new credentials when five minutes remain, so the new ones must be valid for longer. */
const minRemainingMs = 6 * 60_000;

/**
 * If STS cannot be reached or throttles, the previous session is used until this time before its reported expiration,
 * and STS is asked again after this pause. A call takes seconds, and the pause spares each request the time limit of STS.
 */
const lastUseMs = 60_000;
const renewalPauseMs = 15_000;

/** Sessions of a function's session role, one per org, limited by OrgLruCache. */
export class OrgSessions {
  readonly #sts: Pick<StsClient, 'assumeRole'>;
  readonly #roleArn: string;
  readonly #presignMarginMs: number;
  readonly #providers: OrgLruCache<SessionProvider>;

  /**
   * @param presignMarginSeconds seconds for which credentials must remain valid after a client last uses them. A
   *   presigned URL is valid only as long as the session that signed it (IAM user guide, "Revoking temporary
   *   credentials"; S3, "Sharing objects with presigned URLs").
   */
  constructor(sts: Pick<StsClient, 'assumeRole'>, roleArn: string, presignMarginSeconds = 0) {
    this.#sts = sts;
    this.#roleArn = roleArn;
    this.#presignMarginMs = presignMarginSeconds * 1000;
    this.#providers = new OrgLruCache((org) => this.#createProvider(org));
  }

  /** The same provider for all clients of an org, so that they share one session. */
  credentialsFor(org: string): SessionProvider {
    return this.#providers.getOrCreate(org);
  }

  #createProvider(org: string): SessionProvider {
    let session: Promise<IssuedSession> | undefined;
    let issued: IssuedSession | undefined;
    let renewAt = 0;
    return (request) => {
      // If several calls were refused with the same credentials, the first one renews them for all.
      const isRejected = issued !== undefined && request?.rejected === issued;
      if (session !== undefined && Date.now() < renewAt && !isRejected) return session;
      const previous = isRejected ? undefined : issued;
      renewAt = Date.now() + sessionSeconds * 1000 - minRemainingMs - this.#presignMarginMs;
      issued = undefined;
      session = this.#assumeRole(org).catch((error: unknown) => {
        if (previous === undefined || !isTransient(error) || !outlives(previous, lastUseMs)) throw error;
        renewAt = Date.now() + renewalPauseMs;
        return previous;
      });
      session.then(
        (credentials) => {
          issued = credentials;
        },
        // Failures are not cached.
        () => {
          renewAt = 0;
        },
      );
      return session;
    };
  }

  async #assumeRole(org: string): Promise<IssuedSession> {
    const session = await this.#sts.assumeRole({
      RoleArn: this.#roleArn,
      // Session names appear in CloudTrail. Org IDs do too; they are random and reveal nothing about the org.
      RoleSessionName: org,
      DurationSeconds: sessionSeconds,
      Tags: [{ Key: orgSessionTag, Value: org }],
    });
    // AWS SDK clients reuse credentials until shortly before the reported expiration, so the real expiration is not
    // reported, but an earlier one.
    return { ...session, expiration: new Date(session.expiration.getTime() - this.#presignMarginMs) };
  }
}

const isTransient = (error: unknown): boolean => error instanceof ServiceError && retryKindOf(error) !== undefined;

const outlives = ({ expiration }: IssuedSession, ms: number): boolean => Date.now() + ms < expiration.getTime();

/** Maximum number of orgs whose clients and sessions are cached. The least recently used org is evicted first. */
const maxCachedOrgs = 200;

/** One object per org, created on first use. */
export class OrgLruCache<Thing extends object> {
  readonly #entries = new Map<string, Thing>();
  readonly #create: (org: string) => Thing;
  readonly #maxEntries: number;

  constructor(create: (org: string) => Thing, maxEntries = maxCachedOrgs) {
    this.#create = create;
    this.#maxEntries = maxEntries;
  }

  getOrCreate(org: string): Thing {
    const thing = this.#entries.get(org) ?? this.#create(org);
    // Re-inserted, so that the map's order is the order of last use.
    this.#entries.delete(org);
    this.#entries.set(org, thing);
    const [oldest] = this.#entries.keys();
    if (this.#entries.size > this.#maxEntries && oldest !== undefined) this.#entries.delete(oldest);
    return thing;
  }
}
