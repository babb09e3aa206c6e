/** Sends replies through the provider of a message. */
import { VaultError } from '../../contract/shared/vault-error.ts';
import type { UserRef } from '../../core/users/user-root-key.ts';
import type {
  ChannelCredentialsReader,
  ChannelProviders,
  ProviderAccount,
  ProviderHttp,
} from '../channels/channel-ports.ts';
import { readWithinMaxAge } from '../users/read-freshness.ts';
import { activeUserKeyring } from '../users/unlocked-user.ts';
import type { UserReader } from '../users/user-ports.ts';
import type { MessageJobPayload } from './message-job.ts';

export interface ReplySenderDeps {
  readonly reader: UserReader;
  readonly channelCredentials: ChannelCredentialsReader;
  readonly channelProviders: ChannelProviders;
  readonly providerHttp: ProviderHttp;
}

type Target = { readonly org: string; readonly job: Pick<MessageJobPayload, 'channel' | 'replyTo'> };

export class ReplySender {
  readonly #deps: ReplySenderDeps;

  constructor(deps: ReplySenderDeps) {
    this.#deps = deps;
  }

  /**
   * Sends a reply. Sends it again if the result of an earlier attempt is unknown.
   * @param owner the user of the conversation. Nothing is sent if the user was deleted. Undefined for replies to
   *   commands and for hints
   * @throws VaultError `unavailable` if it is unknown whether the reply was sent; `org_locked`, `org_shredded`
   */
  async send(
    target: Target,
    text: string,
    owner?: UserRef,
  ): Promise<'sent' | 'channel_unset' | 'user_deleted' | 'provider_refused'> {
    const account = await this.accountFor(target);
    if (account === undefined) return 'channel_unset';
    // This check comes last, so that nothing from a conversation is sent after its deletion was acknowledged.
    if (owner !== undefined && !(await this.isUserActive(owner))) return 'user_deleted';
    const result = await account.sendReply(target.job.replyTo, text);
    if (result === 'unknown') throw new VaultError('unavailable');
    return result === 'sent' ? 'sent' : 'provider_refused';
  }

  /** Undefined if the channel is not configured. */
  async accountFor({ org, job }: Target): Promise<ProviderAccount | undefined> {
    const { channelProviders, channelCredentials, providerHttp } = this.#deps;
    return channelProviders[job.channel].accountFor(
      await channelCredentials.getCredentials(org, job.channel),
      providerHttp,
    );
  }

  /** @throws VaultError `org_locked`, `org_shredded` */
  async isUserActive(owner: UserRef): Promise<boolean> {
    return activeUserKeyring(await readWithinMaxAge(() => this.#deps.reader.read(owner, [])), owner) !== undefined;
  }
}
