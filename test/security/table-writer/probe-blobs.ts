/** Requests for blobs: of the organization, and of holders of a link with and without its key. */
import { attackerProof } from './changes.ts';
import { addFact, addMembers } from './facts.ts';
import type { Probe } from './probe-context.ts';
import type { OrgWorld } from './world-org.ts';

const proofOf = (blob: { openProof: string }) => ({ proof: blob.openProof });
export const probeBlobs: Probe = async ({ world, asker }, facts) => {
  const { mine } = world;
  const probeOne = async (blob: OrgWorld['blobs'][string]) => {
    const { id, link, oldLink } = blob;
    const preview = await asker.ask('GET', `/v1/links/${link}`, {});
    const maxOpens = preview?.openingsLeft ?? null;
    const expiresAt = preview?.expiresAt ?? null;
    if (preview !== undefined) {
      addMembers(facts, id, 'the preview of the link shows what the writer chose', {
        ...preview,
        openingsLeft: maxOpens,
        expiresAt,
      });
      addFact(facts, id, 'the link can be previewed although the blob ended', true);
    }
    if (oldLink !== undefined && (await asker.ask('GET', `/v1/links/${oldLink}`, {})) !== undefined)
      addFact(facts, id, 'a replaced link works again', true);
    const info = await asker.ask('GET', `/v1/blobs/${id}`, { key: mine.watcher });
    if (info !== undefined) addMembers(facts, id, 'an organization is shown what the writer chose', info);
    const wrong = { proof: attackerProof.toString('base64') };
    if ((await asker.ask('POST', `/v1/links/${link}/opening`, { body: wrong })) !== undefined)
      addFact(facts, id, 'the link opens without its key', true);
    if ((await asker.ask('POST', `/v1/links/${link}/opening`, { body: proofOf(blob) })) !== undefined)
      addFact(facts, id, 'the link opens although the blob ended', true);
    const explained = await asker.ask('GET', `/v1/explain?ref=blob:${id}`, { key: mine.watcher });
    if (explained?.state === 'stored') addFact(facts, id, '`explain` says that the link opens it', true);
  };
  const { blobs = [] } = (await asker.ask('GET', '/v1/blobs', { key: mine.watcher, isList: true })) ?? {};
  for (const { id, ...rest } of blobs) addMembers(facts, id, 'an organization is shown what the writer chose', rest);
  await Promise.all(Object.values(mine.blobs).map(probeOne));
};
