/** Stores the files of a webhook request, and describes all files of a message for its job. */
import { limits } from '../../contract/shared/limits.ts';
import { randomId } from '../../core/encoding/random-id.ts';
import { sealMedia } from '../../core/messages/media-object.ts';
import type { InboundMedia } from '../channels/channel-ports.ts';
import type { ReceivedMediaStore } from './conversation-ports.ts';
import type { JobMedia } from './message-job.ts';

/** Files that are named in a message. Further files are not mentioned one by one. */
const maxNamed = 3 * limits.mediaPerMessage;

export class ReceivedMediaKeeper {
  readonly #store: ReceivedMediaStore;

  constructor(store: ReceivedMediaStore) {
    this.#store = store;
  }

  /**
   * Encrypts and stores the files that are in the request. Each has a key of its own, which only the message's job
   * contains. @throws VaultError `unavailable`
   */
  async keep(org: string, media: readonly InboundMedia[]): Promise<readonly JobMedia[]> {
    const described: JobMedia[] = [];
    for (const [at, { content, ...description }] of media.slice(0, maxNamed).entries()) {
      if ('refusal' in content) described.push({ ...description, content });
      else if (at >= limits.mediaPerMessage) described.push({ ...description, content: { refusal: 'too-many' } });
      else if ('ref' in content) described.push({ ...description, content });
      else described.push({ ...description, content: await this.#keepBytes(org, content.bytes) });
    }
    return described;
  }

  async #keepBytes(org: string, bytes: Uint8Array): Promise<JobMedia['content']> {
    if (bytes.length > limits.mediaBytes) return { refusal: 'too-large' };
    const id = randomId();
    const { object, key } = sealMedia(org, id, bytes);
    await this.#store.putReceived(org, id, object);
    return { object: id, key, bytes: bytes.length };
  }
}
