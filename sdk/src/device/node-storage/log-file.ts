/**
 * The data of a vault in one file that only grows: a frame for each batch, so that a batch is there as a whole or not at
 * all.
 *
 *     header = u32(length of the payload) ‖ first 4 bytes of SHA-256(that) ‖ first 8 bytes of SHA-256(payload)
 *     frame = header ‖ payload
 *     payload = fields(name, bytes, name, bytes, …); empty bytes delete the name
 *
 * A last frame that is not complete is from a crash before its batch was confirmed, and is dropped. When most of the file
 * is outdated, it is written anew.
 */
import { type Bytes, concatBytes, encodeFieldBytes, equalBytes, u32Bytes } from '../../../../core/encoding/bytes.ts';
import { decodeFieldBytes, decodeTextField, decodeU32Field } from '../../../../core/encoding/field-reader.ts';
import { Turns } from '../../shared/turns.ts';
import { deviceError } from '../device-errors.ts';
import type { DataBatch } from '../storage/storage-ports.ts';
import { type NodeModules, type OpenFile, openFile, readAt, syncFolder, writeAll } from './node-modules.ts';

const headerBytes = 16;
const lengthBytes = 4;
/** Where the check of the payload is in the header. */
const checkAt = 8;
const fileName = 'data';
/** Outdated bytes that are always tolerated. */
const toleratedBytes = 1_048_576;

interface Place {
  readonly at: number;
  readonly length: number;
}

const digest = async (bytes: Bytes): Promise<Bytes> => new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));

async function headerOf(payload: Bytes): Promise<Bytes> {
  const length = u32Bytes(payload.length);
  const [ofLength, ofPayload] = [await digest(length), await digest(payload)];
  return concatBytes(length, ofLength.subarray(0, checkAt - lengthBytes), ofPayload.subarray(0, headerBytes - checkAt));
}

async function frameOf(items: Iterable<readonly [string, Uint8Array]>): Promise<Bytes> {
  const payload = encodeFieldBytes(...[...items].flat());
  return concatBytes(await headerOf(payload), payload);
}

export class LogFile {
  readonly #node: NodeModules;
  readonly #folder: string;
  #file: OpenFile;
  #end = 0;
  /** Bytes of the current items. */
  #used = 0;
  #places = new Map<string, Place>();
  /** The last read or write. Each begins after the one before: two writes at once would have the same place. */
  readonly #turns = new Turns();

  private constructor(node: NodeModules, folder: string, file: OpenFile) {
    this.#node = node;
    this.#folder = folder;
    this.#file = file;
  }

  /** @throws DeviceVaultError storage_damaged */
  static async open(node: NodeModules, folder: string): Promise<LogFile> {
    // `a+` makes the file if it is absent, but writes at the end only.
    await (await openFile(node, `${folder}/${fileName}`, 'a+')).close();
    await syncFolder(node, folder);
    const log = new LogFile(node, folder, await openFile(node, `${folder}/${fileName}`, 'r+'));
    try {
      await log.#readAll();
      return log;
    } catch (error) {
      await log.close();
      throw error;
    }
  }

  names(): readonly string[] {
    return [...this.#places.keys()];
  }

  get(name: string): Promise<Bytes | undefined> {
    return this.#turns.run(() => this.#read(name));
  }

  write(batch: DataBatch): Promise<void> {
    return this.#turns.run(() => this.#append(batch));
  }

  async close(): Promise<void> {
    await this.#turns.run(() => this.#file.close());
  }

  async #read(name: string): Promise<Bytes | undefined> {
    const place = this.#places.get(name);
    return place && (await readAt(this.#file, place.at, place.length));
  }

  async #append({ puts, deletes }: DataBatch): Promise<void> {
    const removed = [...deletes].map((name) => [name, new Uint8Array(0)] as const);
    const frame = await frameOf([...puts, ...removed]);
    try {
      await writeAll(this.#file, frame, this.#end);
      await this.#file.sync();
    } catch {
      // The frame must not be found later: the caller was told that it was not stored.
      await this.#file.truncate(this.#end).catch(() => undefined);
      throw deviceError('storage_failed');
    }
    this.#index(frame.subarray(headerBytes), this.#end + headerBytes);
    this.#end += frame.length;
    if (this.#end - this.#used > this.#used + toleratedBytes) await this.#compact();
  }

  async #readAll(): Promise<void> {
    const { size } = await this.#file.stat();
    while (this.#end < size) {
      const payload = await this.#readFrame(size);
      if (payload === undefined) return await this.#file.truncate(this.#end);
      this.#index(payload, this.#end + headerBytes);
      this.#end += headerBytes + payload.length;
    }
  }

  /**
   * The payload of the next frame; undefined if it is the last one and was not written to its end.
   * @throws DeviceVaultError storage_damaged
   */
  async #readFrame(size: number): Promise<Bytes | undefined> {
    const header = await readAt(this.#file, this.#end, headerBytes);
    if (header.length < headerBytes) return undefined;
    const length = decodeU32Field(header.subarray(0, lengthBytes)) ?? 0;
    const payload = await readAt(this.#file, this.#end + headerBytes, length);
    const expected = await headerOf(payload);
    if (equalBytes(expected, header)) return payload;
    const check = (await digest(u32Bytes(length))).subarray(0, checkAt - lengthBytes);
    const isLength = equalBytes(check, header.subarray(lengthBytes, checkAt));
    // Only the last frame can be incomplete. Anything else was changed after it had been confirmed.
    if (isLength && this.#end + headerBytes + length >= size) return undefined;
    // A crash can leave zeros in place of what was not written.
    if (!isLength && (await this.#isZeroFrom(this.#end + headerBytes, size))) return undefined;
    throw deviceError('storage_damaged');
  }

  async #isZeroFrom(start: number, size: number): Promise<boolean> {
    const rest = await readAt(this.#file, start, size - start);
    return rest.every((byte) => byte === 0);
  }

  /** Remembers where the items of a payload are. */
  #index(payload: Bytes, at: number): void {
    const fields = decodeFieldBytes(payload);
    if (fields === undefined || fields.length % 2 !== 0) throw deviceError('storage_damaged');
    let offset = at;
    for (let item = 0; item < fields.length; item += 2) {
      const [name, bytes] = [decodeTextField(fields[item]) ?? '', fields[item + 1] ?? payload];
      offset += 2 * lengthBytes + (fields[item]?.length ?? 0);
      this.#used -= this.#places.get(name)?.length ?? 0;
      this.#places.delete(name);
      if (bytes.length > 0) this.#places.set(name, { at: offset, length: bytes.length });
      this.#used += bytes.length;
      offset += bytes.length;
    }
  }

  /** Writes the current items to a new file, which replaces this one. */
  async #compact(): Promise<void> {
    const temporary = `${this.#folder}/${fileName}.new`;
    const file = await openFile(this.#node, temporary, 'w+');
    const next = new LogFile(this.#node, this.#folder, file);
    try {
      for (const name of this.#places.keys()) {
        const frame = await frameOf([[name, (await this.#read(name)) ?? new Uint8Array(0)]]);
        await writeAll(file, frame, next.#end);
        next.#index(frame.subarray(headerBytes), next.#end + headerBytes);
        next.#end += frame.length;
      }
      await file.sync();
      await this.#file.close();
      await this.#node.files.rename(temporary, `${this.#folder}/${fileName}`);
      await syncFolder(this.#node, this.#folder);
    } catch {
      await file.close();
      throw deviceError('storage_failed');
    }
    this.#file = file;
    this.#end = next.#end;
    this.#used = next.#used;
    this.#places = next.#places;
  }
}
