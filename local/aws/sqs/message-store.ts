/** Messages of a queue on disk: a file for each, replaced whole at each change, so that a crash loses none. */
import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { makePrivateFolder, readFileIfExists, writeFileAtomically } from '../shared/durable-files.ts';
import { LocalError } from '../shared/errors.ts';

const recordSchema = z.object({
  /** Also the name of the file. */
  messageId: z.uuid(),
  /** Grows within a queue, and tells the order in which messages were sent. */
  sequence: z.int(),
  /** Null once the message is deleted: what stays tells repeated sends of it, for as long as SQS does. */
  body: z.string().nullable(),
  groupId: z.string().optional(),
  deduplicationId: z.string().optional(),
  senderId: z.string(),
  /** Times are milliseconds since the epoch. */
  sentAt: z.number(),
  /** Until then it is delayed, or in flight. */
  hiddenUntil: z.number(),
  receiveCount: z.int(),
  firstReceivedAt: z.number().optional(),
  /** Handle of the latest receive. */
  receipt: z.string().optional(),
  /** ARN of the queue in which it was received too often. */
  deadLetterSource: z.string().optional(),
});

/** Replaced as a whole, never changed in place. */
export type MessageRecord = Readonly<z.infer<typeof recordSchema>>;

export class MessageStore {
  readonly #folder: string | null;

  /** `folder` null keeps nothing. */
  constructor(folder: string | null) {
    this.#folder = folder;
    if (folder !== null) makePrivateFolder(folder);
  }

  /** What an earlier process left, in the order of sending. Throws a LocalError when a file is damaged. */
  load(): MessageRecord[] {
    const folder = this.#folder;
    if (folder === null) return [];
    const files = readdirSync(folder).filter((name) => name.endsWith('.json'));
    return files.map((name) => readRecord(join(folder, name))).sort((a, b) => a.sequence - b.sequence);
  }

  put(record: MessageRecord): void {
    if (this.#folder !== null) writeFileAtomically(fileOf(this.#folder, record), JSON.stringify(record));
  }

  remove(record: MessageRecord): void {
    if (this.#folder !== null) rmSync(fileOf(this.#folder, record), { force: true });
  }
}

const fileOf = (folder: string, { messageId }: MessageRecord): string => join(folder, `${messageId}.json`);

// A start without it would drop a message that was taken for delivery.
function readRecord(path: string): MessageRecord {
  try {
    return recordSchema.parse(JSON.parse(readFileIfExists(path) ?? ''));
  } catch {
    throw new LocalError(
      `The message ${path} is damaged. Nothing was started or changed. Put the file back from a copy of the data ` +
        `folder, or remove it: then that message is lost.`,
    );
  }
}
