/** What the folders of keys, messages, executions and objects keep of a process that was killed while it wrote. */
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { KmsKeyStore } from '../../local/aws/kms/key-store.ts';
import { DurableStore } from '../../local/aws/lambda/durable-store.ts';
import { BucketStore } from '../../local/aws/s3/object-store.ts';
import { MessageStore } from '../../local/aws/sqs/message-store.ts';

const bucket = { bucketName: 'blobs', versioned: true, objectLock: undefined };

test.each<[string, (folder: string) => unknown, string]>([
  ['keys', (folder) => new KmsKeyStore(folder), '.'],
  ['messages', (folder) => new MessageStore(folder), '.'],
  ['executions', (folder) => new DurableStore(folder), '.'],
  ['objects', (folder) => new BucketStore(bucket, folder), 'objects'],
  ['uploads', (folder) => new BucketStore(bucket, folder), 'uploads'],
])('a start removes half-written records of %s', (_, start, part) => {
  const folder = mkdtempSync(join(tmpdir(), 'anima-records-'));
  try {
    mkdirSync(join(folder, part), { recursive: true });
    writeFileSync(join(folder, part, 'record.json.123.tmp'), 'secret');
    start(folder);
    expect(readdirSync(join(folder, part)).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('a replaced key record keeps nothing of the key material', () => {
  const folder = mkdtempSync(join(tmpdir(), 'anima-records-'));
  try {
    const store = new KmsKeyStore(folder);
    const record = store.getOrCreate('Kek', new Date());
    store.put({ ...record, state: 'Deleted', backingKeys: [] });
    expect(readdirSync(folder)).toEqual([`${record.keyId}.json`]);
    expect(new KmsKeyStore(folder).get(record.keyId)?.backingKeys).toEqual([]);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
