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
const leastLeftMs = 6 * 60_000;

/** Sessions of a function's session role, at most one for each org that `PerOrg` keeps. */
export class Sessions {
  readonly #sts: STSClient;
  readonly #roleArn: string;
  readonly #spareMs: number;
  readonly #providers: PerOrg<CredentialProvider>;

  /**
   * @param spareSeconds for which credentials must work on after the last use by a client: an address that was signed by a session
   *   works no longer than that does (IAM user guide, "Revoking temporary credentials"; S3, "Sharing objects with presigned URLs")
   */
  constructor(sts: STSClient, roleArn: string, spareSeconds = 0) {
    this.#sts = sts;
    this.#roleArn = roleArn;
    this.#spareMs = spareSeconds * 1000;
    this.#providers = new PerOrg((org) => this.#cached(org));
  }

  /** The same for all clients of an org, so that they share one session. */
  of(org: string): CredentialProvider {
    return this.#providers.of(org);
  }

  #cached(org: string): CredentialProvider {
    let session: Promise<SessionCredentials> | undefined;
    let renewAt = 0;
    return () => {
      if (session !== undefined && Date.now() < renewAt) return session;
      renewAt = Date.now() + sessionSeconds * 1000 - leastLeftMs - this.#spareMs;
      session = this.#assume(org);
      // A failure is no answer to keep.
      session.catch(() => {
        renewAt = 0;
      });
      return session;
    };
  }

  async #assume(org: string): Promise<SessionCredentials> {
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
      expiration: new Date(Expiration.getTime() - this.#spareMs),
    };
  }
}

/** Most orgs whose clients and sessions a function keeps; who was asked for longest ago goes first. */
const keptOrgs = 200;

/** One thing for each org, made when first asked for. */
export class PerOrg<Thing extends object> {
  readonly #kept = new Map<string, Thing>();
  readonly #make: (org: string) => Thing;
  readonly #most: number;

  constructor(make: (org: string) => Thing, most = keptOrgs) {
    this.#make = make;
    this.#most = most;
  }

  of(org: string): Thing {
    const thing = this.#kept.get(org) ?? this.#make(org);
    // Inserted anew, so that the map's order is that of the last use.
    this.#kept.delete(org);
    this.#kept.set(org, thing);
    const [oldest] = this.#kept.keys();
    if (this.#kept.size > this.#most && oldest !== undefined) this.#kept.delete(oldest);
    return thing;
  }
}
