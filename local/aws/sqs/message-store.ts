/**
 * Stores the messages of a queue, one file each. Each change replaces the file atomically, so that a crash loses no
 * message.
 */
import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { openRecordFolder, readFileIfExists, writeFileAtomically } from '../shared/durable-files.ts';
import { LocalError } from '../shared/errors.ts';

const recordSchema = z.object({
  /** Also the file name. */
  messageId: z.uuid(),
  /** Increases within a queue. Defines the order in which messages were sent. */
  sequence: z.int(),
  /** Null after the message is deleted. The record is kept to detect duplicates, for as long as in SQS. */
  body: z.string().nullable(),
  groupId: z.string().optional(),
  deduplicationId: z.string().optional(),
  senderId: z.string(),
  /** Times are milliseconds since the epoch. */
  sentAt: z.number(),
  /** Until this time, the message is delayed or in flight. */
  hiddenUntil: z.number(),
  receiveCount: z.int(),
  firstReceivedAt: z.number().optional(),
  /** The receipt handle of the latest receive. */
  receipt: z.string().optional(),
  /** ARN of the queue that moved the message to this dead-letter queue. */
  deadLetterSource: z.string().optional(),
});

/** Records are replaced, never modified. */
export type MessageRecord = Readonly<z.infer<typeof recordSchema>>;

export class MessageStore {
  readonly #folder: string | null;

  /** @param folder null stores nothing */
  constructor(folder: string | null) {
    this.#folder = folder;
    if (folder !== null) openRecordFolder(folder);
  }

  /** Loads the stored messages in the order of sending. Throws a LocalError if a file is damaged. */
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

// The file must not be skipped: an accepted message would be lost.
function readRecord(path: string): MessageRecord {
  try {
    return recordSchema.parse(JSON.parse(readFileIfExists(path) ?? ''));
  } catch {
    throw new LocalError(
      `The message file ${path} is damaged. Nothing was started or changed. Restore the file from a copy of the data ` +
        `folder, or delete it. If it is deleted, the message is lost.`,
    );
  }
}
