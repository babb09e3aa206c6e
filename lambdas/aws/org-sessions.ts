/**
 * Sessions that act for one org each: credentials of a role whose policy is limited to the session's tag. Tables and
 * KMS then refuse whatever belongs to another org, even if a bug here asks for it.
 */
import { AssumeRoleCommand, type STSClient } from '@aws-sdk/client-sts';
import { orgSessionTag } from '../../contract/shared/environment-variables.ts';

/** AWS credentials of a session, in the form that clients take. */
interface SessionCredentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken: string;
  readonly expiration: Date;
}

/** Gives credentials that are good for some minutes at least; clients ask again before the end that they are told. */
export type CredentialProvider = () => Promise<SessionCredentials>;

/** One role assumed from another lasts an hour at most (IAM user guide, "Role chaining"). */
const sessionSeconds = 3600;

/** Clients ask for new credentials when theirs have five minutes left: what they get then must have more. */
const minRemainingMs = 6 * 60_000;

/** Sessions of a function's session role, at most one for each org that `PerOrg` keeps. */
export class OrgSessions {
  readonly #sts: STSClient;
  readonly #roleArn: string;
  readonly #presignMarginMs: number;
  readonly #providers: OrgLruCache<CredentialProvider>;

  /**
   * @param presignMarginSeconds for which credentials must work on after the last use by a client: an address that was signed by a session
   *   works no longer than that does (IAM user guide, "Revoking temporary credentials"; S3, "Sharing objects with presigned URLs")
   */
  constructor(sts: STSClient, roleArn: string, presignMarginSeconds = 0) {
    this.#sts = sts;
    this.#roleArn = roleArn;
    this.#presignMarginMs = presignMarginSeconds * 1000;
    this.#providers = new OrgLruCache((org) => this.#createProvider(org));
  }

  /** The same for all clients of an org, so that they share one session. */
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
      // A failure is no answer to keep.
      session.catch(() => {
        renewAt = 0;
      });
      return session;
    };
  }

  async #assumeRole(org: string): Promise<SessionCredentials> {
    const command = new AssumeRoleCommand({
      RoleArn: this.#roleArn,
      // Session names stand in CloudTrail; so do org ids, which say nothing of the org.
      RoleSessionName: org,
      DurationSeconds: sessionSeconds,
      Tags: [{ Key: orgSessionTag, Value: org }],
    });
    const { Credentials: given } = await this.#sts.send(command);
    const { AccessKeyId, SecretAccessKey, SessionToken, Expiration } = given ?? {};
    if (!AccessKeyId || !SecretAccessKey || !SessionToken || Expiration === undefined) {
      throw new Error('AssumeRole gave no credentials');
    }
    return {
      accessKeyId: AccessKeyId,
      secretAccessKey: SecretAccessKey,
      sessionToken: SessionToken,
      // Clients keep what they have until shortly before the end they are told: so they are told an earlier one.
      expiration: new Date(Expiration.getTime() - this.#presignMarginMs),
    };
  }
}

/** Most orgs whose clients and sessions a function keeps; who was asked for longest ago goes first. */
const maxCachedOrgs = 200;

/** One thing for each org, made when first asked for. */
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
    // Inserted anew, so that the map's order is that of the last use.
    this.#entries.delete(org);
    this.#entries.set(org, thing);
    const [oldest] = this.#entries.keys();
    if (this.#entries.size > this.#maxEntries && oldest !== undefined) this.#entries.delete(oldest);
    return thing;
  }
}
