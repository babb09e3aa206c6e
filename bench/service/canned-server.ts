/**
 * A process that answers the AWS calls of the contenders. It accepts every write. The first answer to any other call
 * comes from the local vault, and equal calls get the same answer again. So this process does little work, and the state
 * does not change while contenders are measured.
 */
import { GetObjectCommand, S3Client } from '@aws-sdk/client-s3';
import type { Credentials } from '../../local/aws/iam/credential-store.ts';
import { signRequest } from '../../local/aws/iam/signature-v4.ts';
import { listenOnLoopback, readBody } from '../../local/aws/shared/loopback-server.ts';

export interface Origin {
  readonly services: string;
  readonly s3: string;
  readonly credentials: Credentials;
  readonly region: string;
}

/** One call of DynamoDB. */
export interface RecordedCall {
  readonly action: string;
  readonly input: unknown;
}

const { services, s3, credentials, region }: Origin = JSON.parse(process.argv[2] ?? '');
const s3Client = new S3Client({ endpoint: s3, region, credentials, forcePathStyle: true });
const answers = new Map<string, Promise<Buffer>>();
let calls: RecordedCall[] = [];

const session = `<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>ASIABENCHBENCHBENCH0</AccessKeyId>
<SecretAccessKey>${'x'.repeat(40)}</SecretAccessKey><SessionToken>${'t'.repeat(400)}</SessionToken>
<Expiration>${new Date(Date.now() + 3600_000).toISOString()}</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>`;

async function fromVault(target: string, path: string, body: string): Promise<Buffer> {
  if (target === '') {
    const [, Bucket = '', ...key] = path.split('/').map(decodeURIComponent);
    const { Body } = await s3Client.send(new GetObjectCommand({ Bucket, Key: key.join('/') }));
    return Buffer.from((await Body?.transformToByteArray()) ?? []);
  }
  const url = new URL('/', services);
  const headers = { 'content-type': 'application/x-amz-json-1.0', 'x-amz-target': target };
  const service = target.startsWith('DynamoDB') ? 'dynamodb' : 'kms';
  const signed = await signRequest({ method: 'POST', url, headers, body }, service, credentials);
  const response = await fetch(url, { method: 'POST', headers: signed, body });
  if (!response.ok) throw new Error(`${target}: ${response.status} ${await response.text()}`);
  return Buffer.from(await response.arrayBuffer());
}

function answer(target: string, path: string, body: string): Promise<Buffer> | Buffer {
  const [service = '', action = ''] = target.split('.');
  if (service.startsWith('DynamoDB')) calls.push({ action, input: body });
  if (/^(Put|Update|Delete)Item$/.test(action)) return Buffer.from('{}');
  if (body.startsWith('Action=AssumeRole') || body.includes('&Action=AssumeRole')) return Buffer.from(session);
  const key = `${target} ${path} ${body}`;
  const known = answers.get(key) ?? fromVault(target, path, body);
  answers.set(key, known);
  return known;
}

const { port } = await listenOnLoopback(
  async (request, response) => {
    const body = (await readBody(request, 1 << 20))?.toString() ?? '';
    const target = String(request.headers['x-amz-target'] ?? '');
    try {
      const bytes = await answer(target, (request.url ?? '').split('?')[0] ?? '', body);
      response.writeHead(200, { 'content-type': 'application/x-amz-json-1.0', 'content-length': bytes.length });
      response.end(bytes);
    } catch (error) {
      process.send?.({ failed: String(error) });
      response.writeHead(500).end();
    }
  },
  { port: 0 },
);
// The calls since the last message.
process.on('message', () => {
  process.send?.({ calls: calls.map(({ action, input }) => ({ action, input: JSON.parse(String(input)) })) });
  calls = [];
});
process.send?.({ url: `http://127.0.0.1:${port}` });
