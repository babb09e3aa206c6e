import { randomBytes } from 'node:crypto';

/** Who calls: the logical id of a function, `operator` or `local`; and its ARN as policies see it. */
export interface Principal {
  readonly name: string;
  readonly arn: string;
}

export interface Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

/** AWS credentials of this run. They are new at each start and never written anywhere. */
export class CredentialStore {
  readonly #issued = new Map<string, Credentials & { readonly principal: Principal }>();

  issue(principal: Principal): Credentials {
    const credentials = {
      accessKeyId: `AKIA${randomBytes(8).toString('hex').toUpperCase()}`,
      secretAccessKey: randomBytes(30).toString('base64'),
    };
    this.#issued.set(credentials.accessKeyId, { ...credentials, principal });
    return credentials;
  }

  find(accessKeyId: string): (Credentials & { readonly principal: Principal }) | undefined {
    return this.#issued.get(accessKeyId);
  }
}
