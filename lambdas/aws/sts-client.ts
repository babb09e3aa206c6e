/** AssumeRole of STS (AWS STS API reference, 2011-06-15), in the AWS query protocol: a form, answered with XML. */
import type { AssumeRoleRequest } from '@aws-sdk/client-sts';
import { damagedReply } from './http-exchange.ts';
import { type ServiceOptions, SignedService } from './signed-service.ts';

type AssumeRoleInput = Required<Pick<AssumeRoleRequest, 'RoleArn' | 'RoleSessionName' | 'DurationSeconds' | 'Tags'>>;

export interface IssuedSession {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken: string;
  readonly expiration: Date;
}

export class StsClient {
  readonly #service: SignedService;

  constructor(options: ServiceOptions) {
    this.#service = new SignedService('sts', options);
  }

  /** @throws ServiceError */
  async assumeRole({ RoleArn, RoleSessionName, DurationSeconds, Tags }: AssumeRoleInput): Promise<IssuedSession> {
    const form = new URLSearchParams({
      Action: 'AssumeRole',
      Version: '2011-06-15',
      RoleArn: RoleArn ?? '',
      RoleSessionName: RoleSessionName ?? '',
      DurationSeconds: String(DurationSeconds),
    });
    for (const [at, { Key, Value }] of (Tags ?? []).entries()) {
      form.set(`Tags.member.${at + 1}.Key`, Key ?? '');
      form.set(`Tags.member.${at + 1}.Value`, Value ?? '');
    }
    const request = {
      operation: 'AssumeRole',
      method: 'POST',
      path: '/',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: form.toString(),
    };
    return await this.#service.call(request, ({ body }) => parseSession(body.toString()));
  }
}

function parseSession(xml: string): IssuedSession {
  const credentials = /<Credentials>(.*?)<\/Credentials>/s.exec(xml)?.[1] ?? '';
  const text = (name: string): string => {
    const found = new RegExp(`<${name}>([^<]+)</${name}>`).exec(credentials)?.[1];
    if (found === undefined) throw damagedReply();
    return unescapeXml(found);
  };
  const expiration = new Date(text('Expiration'));
  if (Number.isNaN(expiration.getTime())) throw damagedReply();
  return {
    accessKeyId: text('AccessKeyId'),
    secretAccessKey: text('SecretAccessKey'),
    sessionToken: text('SessionToken'),
    expiration,
  };
}

const entities: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

const unescapeXml = (text: string): string =>
  text.replace(/&(?:#x([0-9a-f]+)|#([0-9]+)|([a-z]+));/gi, (whole, hex, decimal, name) => {
    if (name !== undefined) return entities[name] ?? whole;
    return String.fromCodePoint(hex === undefined ? Number(decimal) : Number.parseInt(hex, 16));
  });
