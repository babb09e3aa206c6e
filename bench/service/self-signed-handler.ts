/** The plain handler with requests that it signs itself (Signature Version 4), with a cached signing key. */
import { createHash, createHmac } from 'node:crypto';
import { Agent, request } from 'node:http';
import { type BenchEvent, forward, plainResponse, recordedCalls } from './plain-response.ts';

const {
  AWS_ENDPOINT_URL_DYNAMODB: endpoint = '',
  AWS_REGION: region = '',
  AWS_ACCESS_KEY_ID: accessKeyId = '',
  AWS_SECRET_ACCESS_KEY: secret = '',
} = process.env;
const { hostname, port, host } = new URL(endpoint);
const agent = new Agent({ keepAlive: true });
const calls = recordedCalls();

const hmac = (key: string | Buffer, text: string) => createHmac('sha256', key).update(text).digest();
const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');
let signingKey = { date: '', key: Buffer.alloc(0) };

function keyOf(date: string): Buffer {
  if (signingKey.date !== date) {
    const key = ['dynamodb', 'aws4_request'].reduce(hmac, hmac(hmac(`AWS4${secret}`, date), region));
    signingKey = { date, key };
  }
  return signingKey.key;
}

function signedHeaders(target: string, body: string) {
  const time = new Date().toISOString().replace(/[-:]|\.\d{3}/g, '');
  const date = time.slice(0, 8);
  const scope = `${date}/${region}/dynamodb/aws4_request`;
  const names = 'content-type;host;x-amz-date;x-amz-target';
  const type = 'application/x-amz-json-1.0';
  const canonical = `POST\n/\n\ncontent-type:${type}\nhost:${host}\nx-amz-date:${time}\nx-amz-target:${target}\n\n${names}\n${sha256(body)}`;
  const signature = hmac(keyOf(date), `AWS4-HMAC-SHA256\n${time}\n${scope}\n${sha256(canonical)}`).toString('hex');
  const authorization = `AWS4-HMAC-SHA256 Credential=${accessKeyId}/${scope}, SignedHeaders=${names}, Signature=${signature}`;
  return { host, 'content-type': type, 'x-amz-date': time, 'x-amz-target': target, authorization };
}

function send(action: string, input: unknown): Promise<Record<string, unknown>> {
  const body = JSON.stringify(input);
  const headers = {
    ...signedHeaders(`DynamoDB_20120810.${action}`, body),
    'content-length': Buffer.byteLength(body),
  };
  return new Promise((resolve, reject) => {
    const sent = request({ agent, hostname, port, method: 'POST', path: '/', headers }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => {
        const text = Buffer.concat(chunks).toString();
        if (response.statusCode === 200) resolve(JSON.parse(text));
        else reject(new Error(text));
      });
    });
    sent.on('error', reject);
    sent.end(body);
  });
}

export async function handler(event: BenchEvent) {
  const parsed: unknown = event.body === undefined ? undefined : JSON.parse(event.body);
  let output: unknown;
  for (const { action, input } of calls) {
    const answer = await send(action, input);
    if (action === 'BatchGetItem') output = answer.Responses;
  }
  return plainResponse(event, (await forward(parsed)) ?? parsed ?? output);
}
