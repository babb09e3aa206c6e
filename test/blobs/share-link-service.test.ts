/** Share links: which operations need no proof, which need the link, and which need the link's key. */
import { describe, expect, test } from 'vitest';
import { formatLinkId } from '../../core/blobs/share-link.ts';
import { randomId } from '../../core/encoding/random-id.ts';
import { parseKeyring } from '../../core/org-keys/org-keyring.ts';
import { createTombstone, toStoredRecord } from '../../core/shredding/keyring-tombstone.ts';
import { authenticationKeyOf, lockRecord } from '../records/in-memory-records.ts';
import { errorCodeOf } from '../shared/in-memory-stores.ts';
import { type CallOutcome, createInMemoryBlobs, proof, verifiers } from './in-memory-blob-stores.ts';

const month = 30 * 86_400;
const untilMonthAfter = (now: Date) => Math.ceil(now.getTime() / 1000) + month;

describe('looking at a link', () => {
  test('tells size, times and openings left in one read, and changes nothing however often it is done', async () => {
    const { links, ready, world } = createInMemoryBlobs();
    const blob = await ready({ expiresIn: 60, maxOpens: 2 });
    const before = structuredClone(world.records);
    world.calls.length = 0;
    for (let n = 0; n < 3; n++) {
      expect(await links.getPreview(formatLinkId(blob))).toEqual({
        size: 10,
        createdAt: '2026-06-01T12:00:00.000Z',
        expiresAt: '2026-06-01T12:01:00.000Z',
        openingsLeft: 2,
        burn: false,
      });
    }
    expect(world.calls).toEqual(['read', 'read', 'read']);
    expect(world.records).toEqual(before);
  });

  test('with text that is no link reads nothing, for whatever org it may name', async () => {
    const { links, ready, world } = createInMemoryBlobs();
    const link = formatLinkId(await ready());
    world.calls.length = 0;
    for (const text of [
      '',
      'x',
      `${link}0`,
      link.slice(1),
      link.toUpperCase(),
      `..%2f${link.slice(5)}`,
      `${link.slice(0, -1)}/`,
    ]) {
      expect(await errorCodeOf(links.getPreview(text))).toBe('blob_not_found');
    }
    // The time in a blob ID has at most 48 bits, so its first character is at most 7.
    expect(await errorCodeOf(links.getPreview(`${link.slice(0, 16)}z${link.slice(17)}`))).toBe('blob_not_found');
    expect(world.calls).toEqual([]);
  });

  test('of an unknown org, blob or locator is not found, by one read', async () => {
    const { links, ready, world } = createInMemoryBlobs();
    const blob = await ready();
    world.calls.length = 0;
    for (const other of [{ org: randomId() }, { id: '01m7xpe6000123456789abcdef' }, { locator: randomId() }]) {
      expect(await errorCodeOf(links.getPreview(formatLinkId({ ...blob, ...other })))).toBe('blob_not_found');
    }
    expect(world.calls).toEqual(['read', 'read', 'read']);
  });

  test('tells each end by its own code, and a month later that there is nothing', async () => {
    const { org, blobs, links, ready, open, burn, pass, world } = createInMemoryBlobs();
    const link = (blob: { id: string }) => formatLinkId(world.records.get(blob.id) ?? expect.fail());
    const uploading = await blobs.create(org, { size: 10 });
    const deleted = await ready();
    await blobs.delete(org, deleted.id);
    const spent = await ready({ maxOpens: 1 });
    await open(spent);
    const burned = await ready({ burn: true });
    await burn(burned);
    const expired = await ready({ expiresIn: 5 });
    pass(5);
    const codes = async () =>
      await Promise.all(
        [uploading, deleted, spent, burned, expired].map((blob) => errorCodeOf(links.getPreview(link(blob)))),
      );
    expect(await codes()).toEqual(['blob_not_uploaded', 'blob_deleted', 'blob_spent', 'blob_spent', 'blob_expired']);
    pass(month);
    expect(await codes()).toEqual(['blob_expired', ...Array(4).fill('blob_not_found')]);
    pass(2 * 86_400);
    expect((await codes())[0]).toBe('blob_not_found');
  });
});

describe('an org', () => {
  const lock = { shredAt: '2026-07-01T00:00:00.000Z', requestedAt: '2026-06-01T00:00:00.000Z', by: 'x' };

  test('that is locked refuses links, and tells a stranger neither that nor when', async () => {
    const { links, ready, open, burn, world } = createInMemoryBlobs();
    const blob = await ready({ burn: true });
    world.keyring = lockRecord(blob.org, world.keyring, lock);
    expect(await errorCodeOf(links.getPreview(formatLinkId(blob)))).toBe('org_locked');
    expect(await errorCodeOf(open(blob))).toBe('org_locked');
    expect(await errorCodeOf(burn(blob))).toBe('org_locked');
    await expect(links.getPreview(formatLinkId(blob))).rejects.toMatchObject({ extras: {} });
    expect(await errorCodeOf(links.getPreview(formatLinkId({ ...blob, locator: randomId() })))).toBe('blob_not_found');
  });

  test('that is shredded refuses links at once, also when its records are gone', async () => {
    const { org, links, ready, open, burn, world } = createInMemoryBlobs();
    const blob = await ready({ burn: true });
    const tombstone = createTombstone(authenticationKeyOf(org), parseKeyring(authenticationKeyOf(org), world.keyring), {
      requestedAt: 'x',
      by: 'x',
      shreddedAt: 'x',
    });
    world.keyring = toStoredRecord(tombstone);
    for (let n = 0; n < 2; n++) {
      expect(await errorCodeOf(links.getPreview(formatLinkId(blob)))).toBe('org_shredded');
      expect(await errorCodeOf(open(blob))).toBe('org_shredded');
      expect(await errorCodeOf(burn(blob))).toBe('org_shredded');
      world.records.clear();
    }
    expect(world.objects.size).toBe(1);
  });
});

describe('opening', () => {
  test('costs one read, one check of the object and one write, and gives an address that works for half an hour', async () => {
    const { ready, open, world, record } = createInMemoryBlobs();
    const blob = await ready({ maxOpens: 3 });
    world.calls.length = 0;
    expect(await open(blob)).toMatchObject({
      size: 10,
      openingsLeft: 2,
      url: expect.stringContaining(blob.id),
      urlExpiresAt: '2026-06-01T12:30:00.000Z',
    });
    // Signing the URL needs no call to a service.
    expect(world.calls).toEqual(['read', 'find', 'address', 'open']);
    expect(record(blob.id)).toMatchObject({ openings: 1 });
  });

  test('without the proof is refused and counts as nothing: also with the verifier, the proof for burning, of another length', async () => {
    const { ready, open, record, world } = createInMemoryBlobs();
    const blob = await ready({ maxOpens: 1 });
    world.calls.length = 0;
    for (const shown of [proof('x'), verifiers.open, proof('burn'), '', Buffer.alloc(32).toString('base64')]) {
      expect(await errorCodeOf(open(blob, shown))).toBe('proof_refused');
    }
    expect(new Set(world.calls)).toEqual(new Set(['read']));
    expect(record(blob.id).openings).toBe(0);
  });

  test('without the proof learns nothing of the state either', async () => {
    const { org, blobs, ready, open, pass } = createInMemoryBlobs();
    const [spent, expired, deleted] = [await ready({ maxOpens: 1 }), await ready({ expiresIn: 9 }), await ready()];
    await open(spent);
    await blobs.delete(org, deleted.id);
    pass(9);
    for (const blob of [spent, expired, deleted])
      expect(await errorCodeOf(open(blob, proof('x')))).toBe('proof_refused');
    expect(await errorCodeOf(open(spent))).toBe('blob_spent');
    expect(await errorCodeOf(open(expired))).toBe('blob_expired');
    expect(await errorCodeOf(open(deleted))).toBe('blob_deleted');
  });

  test('of what is not complete is refused: there is no proof yet, not even of nothing', async () => {
    const { org, blobs, open, record, pass } = createInMemoryBlobs();
    const { id } = await blobs.create(org, { size: 10 });
    for (const shown of ['', proof('open')])
      expect(await errorCodeOf(open(record(id), shown))).toBe('blob_not_uploaded');
    pass(172_800);
    expect(await errorCodeOf(open(record(id)))).toBe('blob_expired');
    await blobs.delete(org, id);
    expect(await errorCodeOf(open(record(id)))).toBe('blob_deleted');
  });

  test('for the last time lets S3 remove the object, and the record is told for a month', async () => {
    const { ready, open, world, record, time } = createInMemoryBlobs();
    const blob = await ready({ maxOpens: 2, expiresIn: 90 * 86_400 });
    await open(blob);
    expect(world.objects.get(blob.id)?.lifetime).toBe('91');
    world.calls.length = 0;
    expect(await open(blob)).toMatchObject({ openingsLeft: 0 });
    expect(world.calls).toEqual(['read', 'find', 'address', 'open', 'setLifetime']);
    expect(world.objects.get(blob.id)?.lifetime).toBe('2');
    expect(record(blob.id).ttl).toBe(untilMonthAfter(time.now));
    expect(await errorCodeOf(open(blob))).toBe('blob_spent');
  });

  test('ten times at once on the last opening: exactly one comes through', async () => {
    for (const [maxOpens, wins] of [
      [1, 1],
      [3, 3],
    ] as const) {
      const { ready, open, record, world, time } = createInMemoryBlobs();
      const blob = await ready({ maxOpens });
      const codes = await Promise.all(Array.from({ length: 10 }, () => errorCodeOf(open(blob))));
      expect(codes.filter((code) => code === 'no error')).toHaveLength(wins);
      expect(codes.filter((code) => code === 'blob_spent')).toHaveLength(10 - wins);
      expect(record(blob.id)).toMatchObject({ openings: maxOpens, ttl: untilMonthAfter(time.now) });
      expect(world.objects.get(blob.id)?.lifetime).toBe('2');
    }
  });

  test.each<[string, string]>([
    ['a new link', 'blob_not_found'],
    ['a deletion', 'blob_deleted'],
    ['a burning', 'blob_spent'],
    ['a shredding that removes the record', 'blob_not_found'],
  ])('that %s overtakes is refused', async (what, code) => {
    const { org, blobs, ready, open, burn, world } = createInMemoryBlobs();
    const blob = await ready({ burn: true });
    world.intrude = async (name) => {
      if (name !== 'open') return;
      world.intrude = async () => {};
      if (what === 'a new link') await blobs.replaceLink(org, blob.id);
      else if (what === 'a deletion') await blobs.delete(org, blob.id);
      else if (what === 'a burning') await burn(blob);
      else world.records.clear();
    };
    expect(await errorCodeOf(open(blob))).toBe(code);
    expect(world.records.get(blob.id)?.openings ?? 0).toBe(0);
  });

  test('whose reply from the table is lost counts once and answers', async () => {
    for (const maxOpens of [1, 5, undefined]) {
      const { ready, open, world, record } = createInMemoryBlobs();
      const blob = await ready({ maxOpens });
      world.fate = (name) => (name === 'open' ? 'repeated' : 'done');
      expect(await open(blob)).toMatchObject({ url: expect.any(String) });
      expect(record(blob.id).openings).toBe(1);
    }
  });

  test('may be repeated under its name, for as long as its address works, and counts once', async () => {
    for (const maxOpens of [1, 2, undefined]) {
      const { ready, open, record, pass } = createInMemoryBlobs();
      const blob = await ready({ maxOpens });
      const first = await open(blob, proof('open'), 'the-first-opening');
      pass(1799);
      const again = await open(blob, proof('open'), 'the-first-opening');
      expect(again).toMatchObject({ size: first.size, urlExpiresAt: '2026-06-01T12:59:59.000Z' });
      expect(again.openingsLeft).toBe(first.openingsLeft);
      expect(record(blob.id).openings).toBe(1);
      pass(1);
      const late = await errorCodeOf(open(blob, proof('open'), 'the-first-opening'));
      expect(late).toBe(maxOpens === 1 ? 'blob_spent' : 'invalid_request');
      expect(record(blob.id).openings).toBe(1);
    }
  });

  test('is not repeated under another name, without the proof, by an old link, or of what has ended', async () => {
    const { org, blobs, ready, open, burn, pass } = createInMemoryBlobs();
    const repeat = (blob: Parameters<typeof open>[0], shown = proof('open')) =>
      errorCodeOf(open(blob, shown, 'the-first-opening'));
    const opened = async (options: Parameters<typeof ready>[0]) => {
      const blob = await ready(options);
      expect(await repeat(blob)).toBe('no error');
      return blob;
    };
    const blob = await opened({ maxOpens: 1 });
    expect(await errorCodeOf(open(blob, proof('open'), 'another-opening-1'))).toBe('blob_spent');
    expect(await errorCodeOf(open(blob))).toBe('blob_spent');
    expect(await repeat(blob, proof('x'))).toBe('proof_refused');
    const [expired, deleted, burned, relinked] = [
      await opened({ expiresIn: 9 }),
      await opened({}),
      await opened({ burn: true }),
      await opened({}),
    ];
    await blobs.delete(org, deleted.id);
    await burn(burned);
    await blobs.replaceLink(org, relinked.id);
    pass(9);
    expect(await repeat(expired)).toBe('blob_expired');
    expect(await repeat(deleted)).toBe('blob_deleted');
    expect(await repeat(burned)).toBe('blob_spent');
    expect(await repeat(relinked)).toBe('blob_not_found');
  });

  test('for want of an address, or of an answer of the table, is not counted', async () => {
    for (const failing of ['address', 'open', 'read', 'find']) {
      const { ready, open, world, record } = createInMemoryBlobs();
      const blob = await ready({ maxOpens: 1 });
      world.fate = (name) => (name === failing ? 'before' : 'done');
      expect(await errorCodeOf(open(blob))).toBe('unavailable');
      world.fate = () => 'done';
      expect(record(blob.id).openings).toBe(0);
      expect(await errorCodeOf(open(blob))).toBe('no error');
    }
  });

  test('for the last time answers although S3 can’t be told; whoever asks again with a proof makes up for it', async () => {
    const { ready, open, world } = createInMemoryBlobs();
    const blob = await ready({ maxOpens: 1 });
    world.fate = (name) => (name === 'setLifetime' ? 'before' : 'done');
    expect(await open(blob)).toMatchObject({ openingsLeft: 0 });
    expect(world.objects.get(blob.id)?.lifetime).toBe('kept');
    world.fate = () => 'done';
    expect(await errorCodeOf(open(blob, proof('x')))).toBe('proof_refused');
    expect(world.objects.get(blob.id)?.lifetime).toBe('kept');
    expect(await errorCodeOf(open(blob))).toBe('blob_spent');
    expect(world.objects.get(blob.id)?.lifetime).toBe('2');
  });
});

describe('burning', () => {
  test('destroys the object before it answers, opened or not, and gives the same answer again', async () => {
    for (const isOpened of [false, true]) {
      const { ready, open, burn, world, record, time } = createInMemoryBlobs();
      const blob = await ready({ burn: true });
      if (isOpened) await open(blob);
      world.calls.length = 0;
      expect(await burn(blob)).toEqual({ burned: true });
      expect(world.calls).toEqual(['read', 'burn', 'deleteObject']);
      expect(record(blob.id)).toMatchObject({ state: 'burned', ttl: untilMonthAfter(time.now) });
      expect(world.objects.size).toBe(0);
      expect(await burn(blob)).toEqual({ burned: true });
    }
  });

  test('without its proof destroys nothing: not with the proof for opening, nor by whoever sees the link', async () => {
    const { ready, burn, world, record } = createInMemoryBlobs();
    const blob = await ready({ burn: true });
    for (const shown of [proof('open'), verifiers.burn, proof('x'), '']) {
      expect(await errorCodeOf(burn(blob, shown))).toBe('proof_refused');
    }
    expect([world.objects.size, record(blob.id).state]).toEqual([1, 'ready']);
  });

  test('of what was not made for it is refused, whoever asks', async () => {
    const { ready, burn, world } = createInMemoryBlobs();
    const blob = await ready({ maxOpens: 1 });
    expect(await errorCodeOf(burn(blob))).toBe('invalid_request');
    expect(world.objects.size).toBe(1);
  });

  test('of what was deleted, or has another link, is refused; of what has expired it is still done', async () => {
    const { org, blobs, ready, burn, pass } = createInMemoryBlobs();
    const [deleted, relinked, expired] = [
      await ready({ burn: true }),
      await ready({ burn: true }),
      await ready({ burn: true, expiresIn: 60 }),
    ];
    await blobs.delete(org, deleted.id);
    await blobs.replaceLink(org, relinked.id);
    pass(60);
    expect(await errorCodeOf(burn(deleted))).toBe('blob_deleted');
    expect(await errorCodeOf(burn(relinked))).toBe('blob_not_found');
    expect(await errorCodeOf(burn(expired))).toBe('no error');
  });

  test.each([
    ['a deletion', 'blob_deleted'],
    ['a new link', 'blob_not_found'],
    ['another burning', 'no error'],
  ])('that %s overtakes', async (what, code) => {
    const { org, blobs, ready, burn, world } = createInMemoryBlobs();
    const blob = await ready({ burn: true });
    world.intrude = async (name) => {
      if (name !== 'burn') return;
      world.intrude = async () => {};
      if (what === 'a deletion') await blobs.delete(org, blob.id);
      else if (what === 'a new link') await blobs.replaceLink(org, blob.id);
      else await burn(blob);
    };
    expect(await errorCodeOf(burn(blob))).toBe(code);
    expect(world.objects.size).toBe(what === 'a new link' ? 1 : 0);
  });

  test.each(['burn', 'deleteObject'])('whose call of %s fails: repeated, nothing is left', async (failing) => {
    for (const fate of ['before', 'after', 'repeated'] as CallOutcome[]) {
      const { ready, burn, world, record } = createInMemoryBlobs();
      const blob = await ready({ burn: true });
      world.fate = (name) => (name === failing ? fate : 'done');
      expect(await errorCodeOf(burn(blob))).toBe(fate === 'repeated' ? 'no error' : 'unavailable');
      world.fate = () => 'done';
      expect(await burn(blob)).toEqual({ burned: true });
      expect([world.objects.size, record(blob.id).state]).toEqual([0, 'burned']);
    }
  });
});
