/** The parts that both plain handlers share. */
import { readFileSync } from 'node:fs';
import type { RecordedCall } from './canned-server.ts';

export interface BenchEvent {
  readonly body?: string;
  readonly pathParameters: { readonly name?: string };
}

interface Forwarded {
  readonly url: string;
  readonly headers: Record<string, string>;
}

/** Forwards a request like the broker, if the event asks for one: with the platform's `fetch`, and without any check. */
export async function forward(request: unknown): Promise<string | undefined> {
  if (typeof request !== 'object' || request === null || !('url' in request)) return undefined;
  const { url, headers } = request as Forwarded;
  return await (await fetch(url, { headers, redirect: 'manual' })).text();
}

/** The calls that the vault's handler made for the event. */
export const recordedCalls = (): readonly RecordedCall[] =>
  JSON.parse(readFileSync(process.env.BENCH_CALLS ?? '', 'utf8'));

export const plainResponse = ({ body, pathParameters: { name } }: BenchEvent, content: unknown) => ({
  statusCode: 200,
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify(body === undefined ? { name, items: Object.keys(content ?? {}).length } : { name, version: 1 }),
});
