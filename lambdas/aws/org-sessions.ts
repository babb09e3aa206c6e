/**
 * Sessions for one org each: credentials of a role whose policy is limited by the session tag. DynamoDB and KMS then
 * deny access to any other org's data, even if a bug here requests it.
 */
import { AssumeRoleCommand, type STSClient } from '@aws-sdk/client-sts';
import { orgSessionTag } from '../../contract/shared/environment-variables.ts';

/** AWS credentials of a session, in the format that the SDK clients expect. */
interface SessionCredentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken: string;
  readonly expiration: Date;
}

/**
 * Returns credentials that are valid for at least some minutes. Clients call it again before the reported expiration.
 */
export type CredentialProvider = () => Promise<SessionCredentials>;

/** Maximum session duration with role chaining: one hour (IAM user guide, "Role chaining"). */
const sessionSeconds = 3600;

/** Clients request new credentials when five minutes remain, so the new ones must be valid for longer. */
const minRemainingMs = 6 * 60_000;

/** Sessions of a function's session role, one per org, limited by OrgLruCache. */
export class OrgSessions {
  readonly #sts: STSClient;
  readonly #roleArn: string;
  readonly #presignMarginMs: number;
  readonly #providers: OrgLruCache<CredentialProvider>;

  /**
   * @param presignMarginSeconds seconds for which credentials must remain valid after a client last uses them. A
   *   presigned URL is valid only as long as the session that signed it (IAM user guide, "Revoking temporary
   *   credentials"; S3, "Sharing objects with presigned URLs").
   */
  constructor(sts: STSClient, roleArn: string, presignMarginSeconds = 0) {
    this.#sts = sts;
    this.#roleArn = roleArn;
    this.#presignMarginMs = presignMarginSeconds * 1000;
    this.#providers = new OrgLruCache((org) => this.#createProvider(org));
  }

  /** The same provider for all clients of an org, so that they share one session. */
  credentialsFor(org: string): CredentialProvider {
    return this.#providers.getOrCreate(org);
  }

  #createProvider(org: string): CredentialProvider {
    let session: Promise<SessionCredentials> | undefined;
    let renewAt = 0;
    return () => {
      if (session !== undefined && Date.now() < renewAt) return session;
      renewAt = Date.now() + sessionSeconds * 1000 - minRemainingMs - this.#presignMarginMs;
      session = this.#assumeRole(org);
      // Failures are not cached.
      session.catch(() => {
        renewAt = 0;
      });
      return session;
    };
  }

  async #assumeRole(org: string): Promise<SessionCredentials> {
    const command = new AssumeRoleCommand({
      RoleArn: this.#roleArn,
      // Session names appear in CloudTrail. Org IDs do too; they are random and reveal nothing about the org.
      RoleSessionName: org,
      DurationSeconds: sessionSeconds,
      Tags: [{ Key: orgSessionTag, Value: org }],
    });
    const { Credentials: given } = await this.#sts.send(command);
    const { AccessKeyId, SecretAccessKey, SessionToken, Expiration } = given ?? {};
    if (!AccessKeyId || !SecretAccessKey || !SessionToken || Expiration === undefined) {
      throw new Error('AssumeRole returned no credentials');
    }
    return {
      accessKeyId: AccessKeyId,
      secretAccessKey: SecretAccessKey,
      sessionToken: SessionToken,
      // Clients reuse credentials until shortly before the reported expiration, so the real expiration is not reported,
      // but an earlier one.
      expiration: new Date(Expiration.getTime() - this.#presignMarginMs),
    };
  }
}

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
