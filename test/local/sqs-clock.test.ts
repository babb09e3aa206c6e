/** A queue whose clock advances with each reading, as it can on a busy machine. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { SqsQueue } from '../../local/aws/sqs/message-queue.ts';
import { MessageStore } from '../../local/aws/sqs/message-store.ts';
import { queueSpec } from './sqs-client-fixture.ts';

describe('a timeout that ends between two readings of the clock', () => {
  test.each(['jobs.fifo', 'plain'])('is not overlooked: %s always tells its receiver when to come back', (name) => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 40 }), fc.integer({ min: 0, max: 3 }), (readings, more) => {
        let time = 1_000_000;
        const queue = new SqsQueue({
          spec: queueSpec(name, { VisibilityTimeout: 1 }),
          store: new MessageStore(null),
          now: () => time++,
          timeScale: 0.01,
          deadLetters: () => undefined,
        });
        for (let n = 0; n <= more; n++) {
          queue.send({ body: 'x', groupId: 'a', deduplicationId: String(n), senderId: 's', delay: undefined });
        }
        queue.receive(10, 1);
        for (let n = 0; n < readings; n++) {
          expect(queue.nextReceiveAt).toBeDefined();
        }
      }),
    );
  });
});
