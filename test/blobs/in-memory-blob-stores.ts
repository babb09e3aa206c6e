/**
 * Blobs and links with in-memory ports. Each call can fail before or after its work, or be repeated after a lost reply.
 */
import { createHash, randomBytes } from 'node:crypto';
import { limits } from '../../contract/shared/limits.ts';
import { VaultError } from '../../contract/shared/vault-error.ts';
import { formatLinkId, type LinkId } from '../../core/blobs/share-link.ts';
import { randomId } from '../../core/encoding/random-id.ts';
import { newOrgKeyring, toKeyringRecord } from '../../core/org-keys/org-keyring.ts';
import { AuthenticatedBlobs } from '../../lambdas/blobs/authenticated-blobs.ts';
import type {
  AnnouncedPart,
  BlobRecordStore,
  LinkObjectStore,
  LinkStore,
  StoredBlob,
  StoredPart,
  UploadObjectStore,
} from '../../lambdas/blobs/blob-ports.ts';
import { BlobRecordVerifier } from '../../lambdas/blobs/blob-record-verifier.ts';
import { BlobService } from '../../lambdas/blobs/blob-service.ts';
import { MultipartUploadService } from '../../lambdas/blobs/multipart-upload-service.ts';
import { ShareLinkService } from '../../lambdas/blobs/share-link-service.ts';
import { authenticationKeyOf, createRecordVerifiers, InMemoryOrgMarks } from '../records/in-memory-records.ts';

/** `repeated`: the call is done, its reply is lost, and the service client retries it, as AWS clients do. */
export type CallOutcome = 'done' | 'before' | 'after' | 'repeated';

interface StoredObject {
  size: number;
  tag: string;
  checksum: string | undefined;
  lifetime: string;
}

const hashOf = (...parts: (string | Uint8Array)[]): string => {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest('base64');
};

/** The proof that a key holder sends, and the hash that the service stores. */
export const proof = (text: string): string => hashOf(text);
export const verifier = (text: string): string => hashOf(Buffer.from(proof(text), 'base64'));
export const verifiers = { open: verifier('open'), burn: verifier('burn') };

/** Size of every part except the last. */
export const chunk = 2 ** 20 + 16;
export const firstPart = 64 + 8 * chunk;
export const laterPart = 8 * chunk;

export function createInMemoryBlobs({ maxBytes = limits.blobBytes as number } = {}) {
  const org = randomId();
  const time = { now: new Date('2026-06-01T12:00:00.000Z') };
  const clock = () => time.now;
  const world = {
    calls: [] as string[],
    fate: (_name: string, _nth: number): CallOutcome => 'done',
    /** Runs before each call. */
    intrude: async (_name: string): Promise<void> => {},
    keyring: toKeyringRecord(newOrgKeyring(authenticationKeyOf(org), '2026-01-01T00:00:00.000Z')) as
      | Record<string, unknown>
      | undefined,
    records: new Map<string, StoredBlob>(),
    objects: new Map<string, StoredObject>(),
    /** What forms have uploaded. */
    forms: new Map<string, StoredObject>(),
    uploads: new Map<string, Map<number, StoredPart>>(),
  };

  /** @param again the result of a retry by the client, if it differs */
  async function call<T>(name: string, work: () => T, again: () => T = work): Promise<T> {
    await world.intrude(name);
    const nth = world.calls.push(name);
    const fate = world.fate(name, nth);
    if (fate === 'before') throw new VaultError('unavailable');
    const result = work();
    if (fate === 'after') throw new VaultError('unavailable');
    return fate === 'repeated' ? again() : result;
  }
  const sole = (asked: string) => {
    if (asked !== org) throw new Error('the request names another org');
  };
  function change(id: string, holds: (blob: StoredBlob) => boolean, next: (blob: StoredBlob) => StoredBlob): boolean {
    const blob = world.records.get(id);
    if (blob === undefined || !holds(blob)) return false;
    world.records.set(id, next(blob));
    return true;
  }

  const records: BlobRecordStore = {
    create: (blob) =>
      call('create', () => {
        sole(blob.org);
        world.records.set(blob.id, blob);
      }),
    get: (asked, id) =>
      call('get', () => {
        sole(asked);
        return structuredClone(world.records.get(id));
      }),
    list: (_, before = '~', limit) =>
      call('list', () => {
        const found = [...world.records.values()]
          .filter(({ id }) => id < before)
          .sort((a, b) => (a.id < b.id ? 1 : -1));
        return { items: found.slice(0, limit).map((blob) => ({ id: blob.id, blob })), more: found.length > limit };
      }),
    getUnverified: (_, id) =>
      call('getUnverified', () => {
        const found = world.records.get(id);
        return found && { id, uploadId: found.uploadId };
      }),
    remove: (_, id) => call('remove', () => void world.records.delete(id)),
    markReady: ({ id, mac: before }, { ttl, ...completion }) =>
      call('complete', () =>
        change(
          id,
          ({ state, mac }) => state === 'uploading' && mac === before,
          (blob) => ({ ...blob, ...completion, state: 'ready', uploadId: undefined, ttl }),
        ),
      ),
    replaceLocator: ({ id, mac: before }, next) =>
      call('relink', () =>
        change(
          id,
          ({ state, mac }) => state === 'ready' && mac === before,
          (blob) => ({ ...blob, ...next }),
        ),
      ),
    markDeleted: (_, id, ttl) =>
      call('delete', () =>
        change(
          id,
          ({ state }) => state === 'uploading' || state === 'ready',
          (blob) => ({ ...blob, state: 'deleted', ttl }),
        ),
      ),
  };
  const isOf = (link: LinkId) => (blob: StoredBlob) => blob.state === 'ready' && blob.locator === link.locator;
  const linkStore: LinkStore = {
    read: (asked, id) =>
      call('read', () => ({
        keyring: asked === org ? structuredClone(world.keyring) : undefined,
        blob: asked === org ? structuredClone(world.records.get(id)) : undefined,
      })),
    recordOpening: (link, opening, ttl) =>
      call('open', () => {
        const hasLeft = ({ openings, maxOpens }: StoredBlob) => maxOpens === undefined || openings < maxOpens;
        const done = change(
          link.id,
          (blob) => isOf(link)(blob) && hasLeft(blob) && blob.opening !== opening.opening,
          (blob) => ({ ...blob, openings: blob.openings + 1, ...opening, ttl: ttl ?? blob.ttl }),
        );
        return done ? structuredClone(world.records.get(link.id)) : undefined;
      }),
    markBurned: (link, ttl) =>
      call('burn', () => change(link.id, isOf(link), (blob) => ({ ...blob, state: 'burned', ttl }))),
    setTtl: (_, id, ttl) =>
      call('setTtl', () => {
        change(
          id,
          () => true,
          (blob) => ({ ...blob, ttl }),
        );
      }),
  };

  const joinedChecksum = (parts: readonly StoredPart[]) =>
    `${hashOf(...parts.map(({ checksum }) => Buffer.from(checksum, 'base64')))}-${parts.length}`;
  const foundIn = (stored: StoredObject | undefined) =>
    stored && { size: stored.size, tag: stored.tag, checksum: stored.checksum };
  const objects: UploadObjectStore & LinkObjectStore = {
    presignForm: (asked, id, size) =>
      call('form', () => {
        sole(asked);
        return { url: 'https://bucket.invalid/', fields: { key: `${asked}/${id}.form`, size: String(size) } };
      }),
    startMultipartUpload: () =>
      call('begin', () => {
        const uploadId = randomId();
        world.uploads.set(uploadId, new Map());
        return uploadId;
      }),
    presignPart: (_, id, uploadId, { number }) =>
      call('partAddress', () => ({ url: `https://bucket.invalid/${id}?${uploadId}&${number}`, headers: {} })),
    listParts: (_, __, uploadId, after, limit) =>
      call('parts', () => {
        const parts = world.uploads.get(uploadId);
        if (parts === undefined) return undefined;
        const found = [...parts.values()].filter(({ number }) => number > after).sort((a, b) => a.number - b.number);
        return { items: found.slice(0, limit), more: found.length > limit };
      }),
    completeMultipartUpload: (_, id, uploadId, parts) =>
      call('join', () => {
        const upload = world.uploads.get(uploadId);
        if (upload === undefined || parts.some(({ number, tag }) => upload.get(number)?.tag !== tag)) return;
        const size = parts.reduce((sum, part) => sum + part.size, 0);
        world.objects.set(id, { size, tag: randomId(), checksum: joinedChecksum(parts), lifetime: 'unfinished' });
        world.uploads.delete(uploadId);
      }),
    findFormUpload: (_, id) => call('findForm', () => foundIn(world.forms.get(id))),
    copyFormUpload: (_, id, tag, lifetime) =>
      call('copy', () => {
        const uploaded = world.forms.get(id);
        if (uploaded?.tag !== tag || world.objects.has(id)) return;
        world.objects.set(id, { ...uploaded, lifetime });
      }),
    deleteFormUpload: (_, id) => call('deleteForm', () => void world.forms.delete(id)),
    findObject: (_, id) => call('find', () => foundIn(world.objects.get(id))),
    setLifetimeTag: (_, id, lifetime) =>
      call('setLifetime', () => {
        const held = world.objects.get(id);
        if (held !== undefined) held.lifetime = lifetime;
        return held !== undefined;
      }),
    abortMultipartUpload: (_, __, uploadId) => call('abort', () => void world.uploads.delete(uploadId)),
    deleteObject: (_, id) => call('deleteObject', () => void world.objects.delete(id)),
    presignDownload: (_, id) => call('address', () => `https://bucket.invalid/${id}?signed`),
  };

  const settings = { pageUrl: 'https://page.invalid', maxBytes };
  const marks = new InMemoryOrgMarks().begin(org);
  const { keys, keyringVerifier } = createRecordVerifiers(marks, clock);
  const verifier = new BlobRecordVerifier(keys);
  const store = new AuthenticatedBlobs(records, verifier);
  const blobs = new BlobService(store, objects, settings, clock);
  const uploads = new MultipartUploadService(store, objects, settings, clock);
  const links = new ShareLinkService(linkStore, objects, keyringVerifier, verifier, clock);

  const record = (id: string): StoredBlob => {
    const blob = world.records.get(id);
    if (blob === undefined) throw new Error('there is no such record');
    return blob;
  };
  /** Emulates S3 for a form upload. */
  const post = (id: string, content = 'ciphertext', size = content.length): string => {
    const checksum = hashOf(content);
    world.forms.set(id, { size, tag: randomId(), checksum, lifetime: 'unfinished' });
    return checksum;
  };
  /** Emulates S3 for part uploads. */
  const put = (id: string, ...parts: Omit<AnnouncedPart, 'checksum'>[]): void => {
    const upload = world.uploads.get(record(id).uploadId ?? '');
    for (const part of parts) {
      const checksum = hashOf(randomBytes(8));
      upload?.set(part.number, { ...part, checksum, tag: randomId() });
    }
  };
  const checksumOfParts = (id: string): string =>
    joinedChecksum(
      [...(world.uploads.get(record(id).uploadId ?? '')?.values() ?? [])].sort((a, b) => a.number - b.number),
    );

  /** Creates a complete blob. Default: a form upload. */
  async function ready(options: object = {}): Promise<StoredBlob> {
    const { id } = await blobs.create(org, { size: 10, ...options });
    const checksum = post(id);
    await uploads.complete(org, id, { checksum, verifiers });
    return record(id);
  }
  const open = async (link: LinkId | string, shown = proof('open'), opening?: string) =>
    await links.open(
      await links.verifyProof(typeof link === 'string' ? link : formatLinkId(link), 'open', shown),
      opening,
    );
  const burn = async (link: LinkId, shown = proof('burn')) =>
    await links.burn(await links.verifyProof(formatLinkId(link), 'burn', shown));
  const pass = (seconds: number) => {
    time.now = new Date(time.now.getTime() + seconds * 1000);
  };
  return {
    org,
    world,
    time,
    pass,
    marks,
    blobs,
    uploads,
    links,
    record,
    post,
    put,
    checksumOfParts,
    ready,
    open,
    burn,
  };
}

/** Repeats a request, like a client after a retryable error. */
export async function retryUntilAnswered<T>(run: () => Promise<T>): Promise<T> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await run();
    } catch (error) {
      if (attempt > 3 || !(error instanceof VaultError) || error.code !== 'unavailable') throw error;
    }
  }
}
