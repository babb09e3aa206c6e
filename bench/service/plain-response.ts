/** The parts that both plain handlers share. */
import { readFileSync } from 'node:fs';
import type { RecordedCall } from './canned-server.ts';

export interface BenchEvent {
  readonly body?: string;
  readonly pathParameters: { readonly name: string };
}

/** The calls that the vault's handler made for the event. */
export const recordedCalls = (): readonly RecordedCall[] =>
  JSON.parse(readFileSync(process.env.BENCH_CALLS ?? '', 'utf8'));

export const plainResponse = ({ body, pathParameters: { name } }: BenchEvent, content: unknown) => ({
  statusCode: 200,
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify(body === undefined ? { name, items: Object.keys(content ?? {}).length } : { name, version: 1 }),
});
