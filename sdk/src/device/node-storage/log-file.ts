/**
 * The data of a vault in one file that only grows: a record for each batch, so that a batch is there as a whole or not at
 * all. A last record that is not complete is from a crash before its batch was confirmed, and does not count. Then, and when
 * most of the file is outdated, it is written anew.
 *
 * A lock can fail, so each write is a compare-and-set. A record is appended, and states the position for which it was
 * written. Before and after that, the file must be the one of the path and have the expected size. Of two writers that
 * append at the same time, the second record is not at its position and does not count, and at most one of the two is told
 * that its batch was stored. A writer that finds another size or another file has lost, and writes nothing more.
 *
 * The file that replaces this one is made first. Then a record without items is appended, which all writers that have the
 * log open meet, and then the file is renamed. Who opens the log deletes such files after it was read, so it meets that
 * record as well, or the renaming fails. This holds on disks on which every process sees at once what another one has
 * written. On a network file system with caches, a writer can confirm a batch to the old file during the renaming, and the
 * batch is lost.
 */
import type { Bytes } from '../../../../core/encoding/bytes.ts';
import { decodeFieldBytes, decodeTextField } from '../../../../core/encoding/field-reader.ts';
import { Turns } from '../../shared/turns.ts';
import { deviceError } from '../device-errors.ts';
import { DeviceVaultError } from '../device-vault-error.ts';
import { writeLostError } from '../storage/storage-errors.ts';
import type { DataBatch } from '../storage/storage-ports.ts';
import { encodeRecord, headerBytes, type LogItem, readRecord } from './log-record.ts';
import {
  errorCode,
  type FileFacts,
  type NodeModules,
  type OpenFile,
  openFile,
  orAbsent,
  randomName,
  readAt,
  removeIfPresent,
  syncFolder,
} from './node-modules.ts';

/** Length of the prefix of a field. */
const prefixBytes = 4;
const fileName = 'data';
const replacementName = /^data\.[0-9a-f]{16}\.new$/;
/** Outdated bytes that are always tolerated. */
const toleratedBytes = 1_048_576;

interface Place {
  readonly at: number;
  readonly length: number;
}

/** Deletes files that were to replace the log. A process that is about to rename one fails. */
async function removeReplacements(node: NodeModules, folder: string): Promise<void> {
  const names = (await orAbsent(node.files.readdir(folder))) ?? [];
  for (const name of names.filter((one) => replacementName.test(one))) await removeIfPresent(node, `${folder}/${name}`);
}

/** Deletes the log. Nobody has it open. */
export async function removeLog(node: NodeModules, folder: string): Promise<void> {
  await removeIfPresent(node, `${folder}/${fileName}`);
  await removeReplacements(node, folder);
}

export class LogFile {
  readonly #node: NodeModules;
  readonly #folder: string;
  #file: OpenFile;
  /** Number of the file on its disk. It stays the same while the file is open. */
  #inode: number;
  #end = 0;
  /** Bytes of the current items. */
  #used = 0;
  #places = new Map<string, Place>();
  /** Whether another writer has changed the log. */
  #isLost = false;
  /** Whether the file is closed because it is being replaced. */
  #isClosed = false;
  /** The last read or write. Each begins after the one before: two writes at once would have the same place. */
  readonly #turns = new Turns();

  private constructor(node: NodeModules, folder: string, file: OpenFile, { ino }: FileFacts) {
    this.#node = node;
    this.#folder = folder;
    this.#file = file;
    this.#inode = ino;
  }

  /** @throws DeviceVaultError storage_damaged; vault_in_use if another writer has the end in work */
  static async open(node: NodeModules, folder: string): Promise<LogFile> {
    const file = await openFile(node, `${folder}/${fileName}`, 'a+');
    let log: LogFile | undefined;
    try {
      await syncFolder(node, folder);
      log = new LogFile(node, folder, file, await file.stat());
      const isWhole = await log.#readAll();
      await removeReplacements(node, folder);
      // The end cannot be cut off: another writer may be about to confirm it.
      if (!isWhole) await log.#compact();
      return log;
    } catch (error) {
      await (log === undefined ? file.close() : log.close()).catch(() => undefined);
      throw error;
    }
  }

  names(): readonly string[] {
    return [...this.#places.keys()];
  }

  get(name: string): Promise<Bytes | undefined> {
    return this.#turns.run(() => this.#read(name));
  }

  /** @throws DeviceVaultError storage_failed; vault_in_use if another writer has changed the log, and from then on */
  write(batch: DataBatch): Promise<void> {
    return this.#turns.run(() => this.#write(batch));
  }

  async close(): Promise<void> {
    await this.#turns.run(() => this.#file.close());
  }

  get #path(): string {
    return `${this.#folder}/${fileName}`;
  }

  async #read(name: string): Promise<Bytes | undefined> {
    const place = this.#places.get(name);
    return place && (await readAt(this.#file, place.at, place.length));
  }

  async #write({ puts, deletes }: DataBatch): Promise<void> {
    const removed = [...deletes].map((name) => [name, new Uint8Array(0)] as const);
    await this.#append([...puts, ...removed]);
    if (this.#end - this.#used <= this.#used + toleratedBytes) return;
    // The batch is stored, so a full disk is no failure yet.
    await this.#compact().catch((error: unknown) => {
      if (this.#isLost || this.#isClosed) throw error;
    });
  }

  async #append(items: readonly LogItem[]): Promise<void> {
    const record = await encodeRecord(this.#end, items);
    await this.#assertSize(this.#end);
    let written = 0;
    try {
      // In one piece: the record of another writer must not be within it.
      ({ bytesWritten: written } = await this.#file.write(record, 0, record.length, null));
      if (written < record.length) throw new RangeError('written in part');
      await this.#file.sync();
    } catch {
      // The record must not be found later: the caller was told that it was not stored. Whoever has read a part of it writes
      // the log anew, in another file.
      if (written > 0) await this.#cut(this.#end + written).catch(() => undefined);
      throw this.#isLost ? writeLostError() : deviceError('storage_failed');
    }
    await this.#assertSize(this.#end + record.length);
    this.#index(record.subarray(headerBytes), this.#end + headerBytes);
    this.#end += record.length;
  }

  async #assertSize(size: number): Promise<void> {
    this.#assertUnchanged(await orAbsent(this.#node.files.stat(this.#path)), size);
  }

  /** @throws DeviceVaultError vault_in_use if it is another file than the open one, or has another size */
  #assertUnchanged(found: FileFacts | undefined, size: number): void {
    this.#isLost ||= found?.ino !== this.#inode || found.size !== size;
    if (this.#isLost) throw writeLostError();
  }

  /** Drops what is behind the last record. @param size of the file if nobody else has written */
  async #cut(size: number): Promise<void> {
    // Windows cannot shorten a file that is open to append.
    const file = await openFile(this.#node, this.#path, 'r+');
    try {
      this.#assertUnchanged(await file.stat(), size);
      await file.truncate(this.#end);
    } finally {
      await file.close();
    }
  }

  /** @returns false if the end was not written whole */
  async #readAll(): Promise<boolean> {
    const { size } = await this.#file.stat();
    while (this.#end < size) {
      const record = await readRecord(this.#file, this.#end, size);
      if (record === undefined) {
        this.#end = size;
        return false;
      }
      const { position, payload } = record;
      if (position === this.#end) this.#index(payload, this.#end + headerBytes);
      this.#end += headerBytes + payload.length;
    }
    return true;
  }

  /** Remembers where the items of a payload are. */
  #index(payload: Bytes, at: number): void {
    const fields = decodeFieldBytes(payload);
    if (fields === undefined || fields.length % 2 !== 0) throw deviceError('storage_damaged');
    let offset = at;
    for (let item = 0; item < fields.length; item += 2) {
      const [name, bytes] = [decodeTextField(fields[item]) ?? '', fields[item + 1] ?? payload];
      offset += 2 * prefixBytes + (fields[item]?.length ?? 0);
      this.#used -= this.#places.get(name)?.length ?? 0;
      this.#places.delete(name);
      if (bytes.length > 0) this.#places.set(name, { at: offset, length: bytes.length });
      this.#used += bytes.length;
      offset += bytes.length;
    }
  }

  /** Writes the current items to a new file, which replaces this one. */
  async #compact(): Promise<void> {
    const temporary = `${this.#folder}/${fileName}.${randomName()}.new`;
    const file = await openFile(this.#node, temporary, 'ax+');
    const next = new LogFile(this.#node, this.#folder, file, await file.stat());
    try {
      for (const name of this.#places.keys()) {
        const record = await encodeRecord(next.#end, [[name, (await this.#read(name)) ?? new Uint8Array(0)]]);
        const { bytesWritten } = await file.write(record, 0, record.length, null);
        if (bytesWritten < record.length) throw new RangeError('written in part');
        next.#index(record.subarray(headerBytes), next.#end + headerBytes);
        next.#end += record.length;
      }
      await file.sync();
      // Who has the log open, or reads it before the renaming, finds this record and has lost.
      await this.#append([]);
      this.#isClosed = true;
      await this.#file.close();
      await this.#node.files.rename(temporary, this.#path);
      await syncFolder(this.#node, this.#folder);
    } catch (error) {
      await file.close();
      await removeIfPresent(this.#node, temporary).catch(() => undefined);
      // A writer that opened the log has deleted it.
      this.#isLost ||= errorCode(error) === 'ENOENT';
      if (this.#isLost) throw writeLostError();
      throw error instanceof DeviceVaultError ? error : deviceError('storage_failed');
    }
    this.#isClosed = false;
    this.#file = file;
    this.#inode = next.#inode;
    this.#end = next.#end;
    this.#used = next.#used;
    this.#places = next.#places;
  }
}
