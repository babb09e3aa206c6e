/** Composes the function `memory`. */
import { MessageReader } from '../conversations/message-reader.ts';
import { MemoryReading } from '../memory/memory-reader.ts';
import { MemoryWriting } from '../memory/memory-writer.ts';
import type { UserGate } from '../users/middleware/user-auth.ts';
import { DynamoUserReader } from '../users/stores/dynamo-user-records.ts';
import { UserRecordPages } from '../users/user-record-pages.ts';
import { clock, orgDynamoClients } from './common.ts';
import { recordTables, userRecords } from './user-stores.ts';

export function createMemoryServices() {
  const gate: UserGate = { reader: new DynamoUserReader(orgDynamoClients(), recordTables()), clock };
  const records = userRecords();
  const pages = new UserRecordPages(gate.reader, records);
  return {
    gate,
    messages: new MessageReader(pages),
    reading: new MemoryReading(pages, clock),
    writing: new MemoryWriting(gate.reader, records, clock),
  };
}
