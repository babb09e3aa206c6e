/** Workload identity with in-memory ports. */
import { createHash, createHmac, randomBytes } from 'node:crypto';
import { callerIdentityBody } from '../../contract/logins/aws-requests.ts';
import type { CreateLoginRequest } from '../../contract/logins/wire.ts';
import { roles } from '../../contract/shared/roles.ts';
import { randomId } from '../../core/encoding/random-id.ts';
import type { Caller, StoredApiKey } from '../../lambdas/api-keys/api-key-ports.ts';
import { ApiKeyVerifier } from '../../lambdas/api-keys/api-key-verifier.ts';
import { IssuerKeys } from '../../lambdas/logins/issuer-keys.ts';
import { LoginAdminService } from '../../lambdas/logins/login-admin-service.ts';
import type {
  CallerIdentityRequest,
  LoginStore,
  SecurityTokenService,
  StoredLogin,
  UsedIdentityStore,
} from '../../lambdas/logins/login-ports.ts';
import { LoginRecordVerifier } from '../../lambdas/logins/login-record-verifier.ts';
import { TokenVerifier } from '../../lambdas/logins/token-verifier.ts';
import { type AcceptedIdentity, WorkloadLoginService } from '../../lambdas/logins/workload-login-service.ts';
import { createRecordVerifiers, InMemoryOrgMarks } from '../records/in-memory-records.ts';
import type { InMemoryIssuer } from './fake-issuer.ts';

export const vaultUrl = 'https://vault.example.com';

class InMemoryLoginTable implements LoginStore, UsedIdentityStore {
  readonly items = new Map<string, StoredLogin>();
  readonly used = new Map<string, string>();
  reads = 0;

  async create(org: string, id: string, record: NonNullable<StoredLogin['record']>) {
    this.items.set(`${org} ${id}`, { id, record });
  }
  async get(org: string, id: string) {
    this.reads++;
    return this.items.get(`${org} ${id}`);
  }
  async list(org: string) {
    const items = [...this.items].filter(([key]) => key.startsWith(org)).map(([, item]) => item);
    return { items, more: false };
  }
  async delete(org: string, id: string) {
    return this.items.delete(`${org} ${id}`);
  }
  async claim(org: string, id: string, by: string) {
    const key = `${org} ${id}`;
    if (!this.used.has(key)) this.used.set(key, by);
    return this.used.get(key) === by;
  }
}

/** Computes signatures like STS, for one set of credentials, and answers for one role. */
export class InMemorySts implements SecurityTokenService {
  readonly secretAccessKey = randomBytes(20).toString('hex');
  readonly accessKeyId = 'ASIAIOSFODNN7EXAMPLE';
  readonly securityToken = 'FwoGZXIvYXdzEExampleSessionToken==';
  account = '123456789012';
  roleId = 'AROACKCEVSQ6C2EXAMPLE';
  requests: CallerIdentityRequest[] = [];
  answer: (request: CallerIdentityRequest) => string | undefined = (request) =>
    this.isSigned(request) ? this.response() : undefined;

  async getCallerIdentity(request: CallerIdentityRequest) {
    this.requests.push(request);
    return this.answer(request);
  }
  response({ account = this.account, roleId = this.roleId, arn = this.arn() } = {}): string {
    return `<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
  <GetCallerIdentityResult>
    <Arn>${arn}</Arn>
    <UserId>${roleId}:my-session</UserId>
    <Account>${account}</Account>
  </GetCallerIdentityResult>
  <ResponseMetadata>
    <RequestId>01234567-89ab-cdef-0123-456789abcdef</RequestId>
  </ResponseMetadata>
</GetCallerIdentityResponse>
`;
  }
  arn(account = this.account): string {
    return `arn:aws:sts::${account}:assumed-role/my-role-name/my-session`;
  }
  isSigned({ headers, body }: CallerIdentityRequest): boolean {
    const [, date = '', region = '', names = '', signature] =
      /Credential=[A-Z0-9]+\/(\d{8})\/([a-z0-9-]+)\/sts\/aws4_request, SignedHeaders=([a-z0-9;-]+), Signature=([0-9a-f]{64})$/.exec(
        headers.get('authorization') ?? '',
      ) ?? [];
    return signature === this.sign(headers, names.split(';'), body, date, region);
  }
  /** Signature Version 4, written out (AWS IAM user guide, "Create a signed AWS API request"). */
  sign(headers: ReadonlyMap<string, string>, names: readonly string[], body: string, date: string, region: string) {
    const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');
    const mac = (key: string | Buffer, text: string) => createHmac('sha256', key).update(text).digest();
    const listed = names.map((name) => `${name}:${headers.get(name)}\n`).join('');
    const canonical = ['POST', '/', '', listed, names.join(';'), sha256(body)].join('\n');
    const scope = `${date}/${region}/sts/aws4_request`;
    const toSign = ['AWS4-HMAC-SHA256', headers.get('x-amz-date'), scope, sha256(canonical)].join('\n');
    const key = [region, 'sts', 'aws4_request'].reduce(mac, mac(`AWS4${this.secretAccessKey}`, date));
    return mac(key, toSign).toString('hex');
  }
  /** The request of a client. @param signed replaces headers that the client signs */
  clientRequest(org: string, login: string, now: Date, signed: Record<string, string> = {}, body = callerIdentityBody) {
    const date = now.toISOString().replaceAll(/[-:]|\.\d{3}/g, '');
    const region = 'eu-central-1';
    const nonce = randomBytes(16).toString('base64url');
    const audience = `${vaultUrl}/${org}`;
    const { accessKeyId, securityToken } = this;
    const headers = new Map(
      Object.entries({
        'content-type': 'application/x-www-form-urlencoded; charset=utf-8',
        host: `sts.${region}.amazonaws.com`,
        'x-amz-date': date,
        'x-amz-security-token': securityToken,
        'x-anima-server-id': `${audience}/${login}/${nonce}`,
        ...signed,
      }),
    );
    const signature = this.sign(headers, [...headers.keys()].sort(), body, date.slice(0, 8), region);
    return { org, login, audience, region, accessKeyId, securityToken, date, nonce, signature };
  }
}

export function createInMemoryLogins(issuer: InMemoryIssuer) {
  const org = randomId();
  const time = { now: new Date('2026-06-01T12:00:00.000Z') };
  const clock = () => time.now;
  const marks = new InMemoryOrgMarks().begin(org);
  const table = new InMemoryLoginTable();
  const sts = new InMemorySts();
  const keys: StoredApiKey[] = [];
  const accepted: AcceptedIdentity[] = [];
  const counted: string[] = [];
  const caller: Caller = { org, keyId: randomId(), role: 'admin', verbs: roles.admin, reserved: true };
  /** Another process, with caches of its own. */
  const process = () => {
    const records = createRecordVerifiers(marks, clock);
    const admin = new LoginAdminService({ logins: table, ...records, clock, allowsLoopback: false });
    const service = new WorkloadLoginService({
      logins: table,
      used: table,
      verifier: new LoginRecordVerifier(records.keys, records.marks),
      tokens: new TokenVerifier(new IssuerKeys(issuer, clock), clock),
      sts,
      attempts: {
        countAttempt: async (_, counter, { attempts }) => {
          counted.push(counter);
          return counted.filter((one) => one === counter).length > attempts ? 60 : 0;
        },
        resetAttempts: async () => {},
      },
      apiKeys: { create: async (key) => void keys.push(key) },
      keys: records.keys,
      clock,
      urls: [vaultUrl, 'https://page.example.com'],
    });
    return {
      admin,
      verifier: new ApiKeyVerifier(records.keys, records.marks),
      oidc: (login: string, token: string) =>
        service.logInWithOidc({ org, login, token }, (identity) => void accepted.push(identity)),
      aws: (request: Parameters<WorkloadLoginService['logInWithAws']>[0]) =>
        service.logInWithAws(request, '203.0.113.7', (identity) => void accepted.push(identity)),
    };
  };
  const first = process();
  const create = async (request: CreateLoginRequest) => (await first.admin.create(caller, request)).id;
  return {
    org,
    time,
    marks,
    table,
    sts,
    keys,
    accepted,
    counted,
    caller,
    audience: `${vaultUrl}/${org}`,
    process,
    create,
    ...first,
  };
}
