/** Uploads and downloads of attachments (docs/session-service.md, section 7). The service never sees their bytes. */
import { sessionLimits } from '../../contract/sessions/limits.ts';
import type {
  CreateAttachmentRequest,
  CreateAttachmentResponse,
  GetAttachmentResponse,
} from '../../contract/sessions/wire.ts';
import { limits } from '../../contract/shared/limits.ts';
import { VaultError } from '../../contract/shared/vault-error.ts';
import type { SessionSigner } from '../directory/session-authenticator.ts';
import type { Clock } from '../shared/ports.ts';
import { addSeconds } from '../shared/timestamps.ts';

export interface AttachmentObjects {
  /** A URL to which the object can be uploaded if there is none, with the headers of the request. */
  presignUpload(
    org: string,
    attachment: CreateAttachmentRequest,
  ): Promise<{ readonly url: string; readonly headers: Record<string, string> }>;
  exists(org: string, name: string): Promise<boolean>;
  presignDownload(org: string, name: string): Promise<string>;
}

export interface AttachmentUsage {
  /**
   * Adds to the bytes that a device announced in a day. Returns false and changes nothing if they would exceed `max`.
   * @param day `YYYY-MM-DD` @param ttl seconds since 1970
   */
  addAnnounced(org: string, device: string, day: string, bytes: number, max: number, ttl: number): Promise<boolean>;
}

const namePattern = /^[0-9a-f]{32}$/;
const daySeconds = 86_400;

export class AttachmentService {
  readonly #objects: AttachmentObjects;
  readonly #usage: AttachmentUsage;
  readonly #clock: Clock;

  constructor(objects: AttachmentObjects, usage: AttachmentUsage, clock: Clock) {
    this.#objects = objects;
    this.#usage = usage;
    this.#clock = clock;
  }

  /** @throws VaultError `too_many_attachments`, `unavailable` */
  async create({ org, device }: SessionSigner, announced: CreateAttachmentRequest): Promise<CreateAttachmentResponse> {
    const now = this.#clock();
    const day = now.toISOString().slice(0, 10);
    const ttl = Math.ceil(now.getTime() / 1000) + 2 * daySeconds;
    const { bytes } = announced;
    if (!(await this.#usage.addAnnounced(org, device.id, day, bytes, sessionLimits.attachmentBytesPerDay, ttl))) {
      throw new VaultError('too_many_attachments', { detail: 'Nothing was uploaded. The day ends at 00:00 UTC.' });
    }
    return { ...(await this.#objects.presignUpload(org, announced)), expiresAt: this.#urlEnd() };
  }

  /** @throws VaultError `attachment_not_found`, `unavailable` */
  async get({ org }: SessionSigner, name: string): Promise<GetAttachmentResponse> {
    // Another form could name an object outside of the folder of attachments.
    if (!namePattern.test(name) || !(await this.#objects.exists(org, name)))
      throw new VaultError('attachment_not_found');
    return { url: await this.#objects.presignDownload(org, name), expiresAt: this.#urlEnd() };
  }

  #urlEnd(): string {
    return addSeconds(this.#clock(), limits.blobPresignedUrlSeconds);
  }
}
