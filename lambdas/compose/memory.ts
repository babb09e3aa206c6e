/** Composes the function `memory`. */
import { MessageReader } from '../conversations/message-reader.ts';
import { MemoryReader } from '../memory/memory-reader.ts';
import { MemoryWriter } from '../memory/memory-writer.ts';
import type { UserAuthenticator } from '../users/middleware/authenticate-user.ts';
import { UserRecordPager } from '../users/user-record-pager.ts';
import { clock } from './common.ts';
import { recordTables, userMediaUrls, userReader, userRecords } from './user-stores.ts';

export function createMemoryServices() {
  const userAuthenticator: UserAuthenticator = {
    reader: userReader(recordTables()),
    clock,
  };
  const records = userRecords();
  const pages = new UserRecordPager(userAuthenticator.reader, records);
  return {
    userAuthenticator,
    messageReader: new MessageReader(pages, userMediaUrls()),
    memoryReader: new MemoryReader(pages, clock),
    memoryWriter: new MemoryWriter(userAuthenticator.reader, records, clock),
  };
}
