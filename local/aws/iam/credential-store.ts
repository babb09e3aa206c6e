import { randomBytes } from 'node:crypto';

/** A caller: its name, such as the logical ID of a function, and its ARN in policies. */
export interface Principal {
  readonly name: string;
  /** For a role and its sessions, the ARN of the role, as in the condition key `aws:PrincipalArn`. */
  readonly arn: string;
  /** Session tags; empty unless the credentials belong to a session. */
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

/** How long expired session credentials are kept, so that their use is rejected with the expiry error. Milliseconds. */
const keepExpiredMs = 3600_000;

/** AWS credentials of this process. They are created at each start and never stored. */
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

  /** Issues session credentials. They are removed some time after `expiration`. */
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
