import { randomBytes } from 'node:crypto';

/** Who calls: the logical id of a function, `operator` or `local`; and its ARN as policies see it. */
export interface Principal {
  readonly name: string;
  /** Of a role it is the role's own ARN, for its sessions too, as in the condition key `aws:PrincipalArn`. */
  readonly arn: string;
  /** Session tags; none unless the credentials are a session's. */
  readonly tags: Readonly<Record<string, string>>;
}

export interface Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

export interface SessionCredentials extends Credentials {
  readonly sessionToken: string;
  readonly expiration: Date;
}

export interface IssuedCredentials extends Credentials {
  readonly principal: Principal;
  readonly sessionToken?: string;
  readonly expiration?: Date;
}

/** For so long after their end, credentials of a session are told that they have expired. */
const keepExpiredMs = 3600_000;

/** AWS credentials of this run. They are new at each start and never written anywhere. */
export class CredentialStore {
  readonly #issued = new Map<string, IssuedCredentials>();

  issue(principal: Principal): Credentials {
    const credentials = {
      accessKeyId: `AKIA${randomBytes(8).toString('hex').toUpperCase()}`,
      secretAccessKey: randomBytes(30).toString('base64'),
    };
    this.#issued.set(credentials.accessKeyId, { ...credentials, principal });
    return credentials;
  }

  /** Credentials of a session; they are forgotten some time after `expiration`. */
  issueSession(principal: Principal, expiration: Date): SessionCredentials {
    for (const [id, issued] of this.#issued) {
      if (issued.expiration !== undefined && issued.expiration.getTime() < Date.now() - keepExpiredMs) {
        this.#issued.delete(id);
      }
    }
    const credentials = {
      accessKeyId: `ASIA${randomBytes(8).toString('hex').toUpperCase()}`,
      secretAccessKey: randomBytes(30).toString('base64'),
      sessionToken: randomBytes(48).toString('base64'),
      expiration,
    };
    this.#issued.set(credentials.accessKeyId, { ...credentials, principal });
    return credentials;
  }

  find(accessKeyId: string): IssuedCredentials | undefined {
    return this.#issued.get(accessKeyId);
  }
}
