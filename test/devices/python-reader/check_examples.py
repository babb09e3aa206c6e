"""Recomputes the worked examples of the pages with the independent reader.

Usage:  check_examples.py FORMAT-DEVICES.md DEVICE-SERVICE.md
"""
import hashlib
import hmac as hmac_module
import json
import re
import sys
import zlib

from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from read_device_vault import (
    ORDER, ZERO_HASH, Content, RecoveryRefused, State, Void, b64, base32, check_recovery, checkpoint_values,
    decode_entry, dek_aad, device_id, ecdh, epoch_info, epoch_keys, fields, grouped, history_aad, hkdf, label_aad,
    label_info, label_key, open_box, open_content, open_own_wrap, open_recovery_box, pack_plaintext, padded_length,
    parse_fields, parse_roster_body, public_point, read_vault, record_aad, recovery_box_aad, recovery_box_key,
    recovery_code, recovery_secret, seal, sha256, signature_verifies, u32, u64, unb64, verify_next, wrap_aad,
    wrap_kek)


def hmac(key, message):
    return hmac_module.new(key, message, hashlib.sha256).digest()


def recovery_wrap_kek(code, salt):
    kdf = Argon2id(salt=salt, length=32, iterations=3, lanes=4, memory_cost=65_536)
    return kdf.derive(code.encode())


class Examples:
    """The values of the ```example blocks of a page, and the results of the checks."""

    def __init__(self, page):
        with open(page, encoding="utf-8") as file:
            self.page = file.read()
        self.values, self.used, self.results = {}, set(), []
        for block in re.findall(r"^```example\n(.*?)^```", self.page, re.S | re.M):
            for line in block.splitlines():
                name, value = re.fullmatch(r"(.+?) *= ?(.*)", line).groups()
                assert name not in self.values, f"two values {name}"
                self.values[name] = value

    def text(self, name):
        self.used.add(name)
        return self.values[name]

    def hex(self, name):
        return bytes.fromhex(self.text(name))

    def base64(self, name):
        return unb64(self.text(name))

    def equal(self, name, got):
        """The value of the page, as hex or text, is the recomputed one."""
        self.true(name, self.text(name) == (got.hex() if isinstance(got, bytes) else got))

    def equal64(self, name, got):
        self.true(name, self.text(name) == b64(got))

    def true(self, name, ok):
        self.results.append((name, bool(ok)))

    def scope(self):
        return tuple(self.text(n) for n in ("org", "user", "vault"))

    def keys(self, who):
        return self.hex(f"{who} ECDH key") + self.hex(f"{who} ECDSA key")


def test_keys(x):
    for who in "ABCRST":
        for pair in ("ECDH", "ECDSA"):
            x.equal(f"{who} {pair} key", public_point(x.hex(f"{who} {pair} scalar")))
        x.equal(f"{who} id", device_id(x.hex(f"{who} ECDH key"), x.hex(f"{who} ECDSA key")))


def test_published(x):
    umk = x.hex("published UMK")
    key = hkdf(umk, b"activation", b"pia-activation-proof-v1", 32)
    x.equal64("proof key", key)
    x.equal64("proof", hmac(key, x.text("session").encode()))
    aad = record_aad("user-1", "memory", "note-1")
    x.equal("record AAD", aad.decode())
    x.equal64("record box", seal(x.hex("record DEK"), x.hex("record nonce"), x.hex("record plaintext"), aad))
    x.equal("DEK AAD", dek_aad("memory", "note-1").decode())
    x.equal64("DEK box", seal(umk, x.hex("DEK nonce"), x.hex("record DEK"), dek_aad("memory", "note-1")))
    x.equal("wrap AAD", wrap_aad("device-1").decode())
    x.equal("ECDH secret", ecdh(x.hex("A ECDH scalar"), x.hex("B ECDH key")))
    kek = wrap_kek(x.hex("A ECDH scalar"), x.hex("B ECDH key"), x.hex("wrap salt"), "device-1")
    x.equal("wrap KEK", kek)
    x.equal64("wrap box", seal(kek, x.hex("wrap nonce"), umk, wrap_aad("device-1")))
    kek = recovery_wrap_kek(x.text("published code"), x.hex("recovery salt"))
    x.equal("recovery KEK", kek)
    x.equal64("recovery box", seal(kek, x.hex("recovery nonce"), umk, b"pia-recovery-wrap-v1"))
    packed = x.hex("compressed JSON")
    x.true("compressed JSON", packed[:1] == b"\1" and zlib.decompress(packed[1:]).decode() == x.text("published JSON"))
    test_export(x)


def test_export(x):
    """The export file of D2, opened with the published code."""
    line = next(l for l in x.page.splitlines() if l.startswith('{"format":"pia-export"'))
    file = json.loads(line)
    wrap, record = file["recoveryWrap"], file["records"][0]
    kek = recovery_wrap_kek(x.text("published code"), unb64(wrap["salt"]))
    umk = open_box(kek, unb64(wrap["box"]), b"pia-recovery-wrap-v1")
    dek = open_box(umk, unb64(record["dek"]), dek_aad(record["entityType"], record["entityId"]))
    aad = record_aad(file["userId"], record["entityType"], record["entityId"])
    x.true("export file", open_box(dek, unb64(record["payload"]), aad) == x.hex("record plaintext"))


def test_epochs(x, scope):
    umk, umk2 = x.hex("UMK 1"), x.hex("UMK 2")
    x.equal("epoch info", epoch_info(scope, 1))
    x.equal("history key", epoch_keys(umk, scope, 1)[0])
    x.equal("commitment", epoch_keys(umk, scope, 1)[1])
    x.equal("label info", label_info(scope, 1))
    x.equal("label key", label_key(umk, scope, 1))
    key2, commitment2 = epoch_keys(umk2, scope, 2)
    x.equal("history key 2", key2)
    x.equal("commitment 2", commitment2)
    x.equal("history AAD", history_aad(scope, 2, 1))
    x.equal("history box", seal(key2, x.hex("history nonce"), umk, history_aad(scope, 2, 1)))
    aad = label_aad(scope, 1, x.text("A id"))
    x.equal("label AAD", aad)
    x.equal("label box", seal(label_key(umk, scope, 1), x.hex("label nonce"), x.text("label").encode(), aad))


def test_plaintext(x):
    """D4. Returns the padded plaintext of version 1."""
    x.equal("plaintext device", x.text("B id"))
    f = fields(u64(1), ZERO_HASH, x.text("plaintext device"), u64(3), b"\1", "text/plain", "hello")
    x.equal("record 0x02", b"\2" + u32(len(f)) + f)
    x.equal("padded length", str(len(pack_plaintext(f))))
    for version, parent, lamport, flag, media_type, body in (
            (2, "change hash", 4, b"\1", "text/plain", "hello again " * 25), (3, "change hash 2", 5, b"\0", "", "")):
        g = fields(u64(version), x.hex(parent), x.text("S id"), u64(lamport), flag, media_type, body)
        x.equal(f"record version {version}", b"\2" + u32(len(g)) + g)
        x.equal(f"record version {version} padded length", str(padded_length(len(g) + 5)))
    return pack_plaintext(f)


def test_wraps(x, scope):
    sender, device = x.hex("sender scalar"), x.text("A id")
    data = x.hex("wraps")
    salt, box = parse_fields(data)[9:11]
    kek = wrap_kek(sender, x.hex("A ECDH key"), salt, device)
    made = fields("anima:wraps:v1", *scope, u32(1), public_point(sender), u32(0), b"", device, salt,
                  seal(kek, box[:12], x.hex("UMK 1"), wrap_aad(device)))
    x.equal("wraps", made)
    x.equal("wraps hash", sha256(made))
    test_wraps_of_two(x, scope)


def test_wraps_of_two(x, scope):
    sender, data = x.hex("sender scalar 9"), parse_fields(x.hex("wraps 9"))
    made = fields("anima:wraps:v1", *scope, u32(2), public_point(sender), u32(1), x.hex("history box"))
    for at, who in ((8, "A"), (11, "B")):
        device, salt, box = x.text(f"{who} id"), data[at + 1], data[at + 2]
        kek = wrap_kek(sender, x.hex(f"{who} ECDH key"), salt, device)
        made += fields(device, salt, seal(kek, box[:12], x.hex("UMK 2"), wrap_aad(device)))
    x.equal("wraps 9", made)


def test_chain(x, scope):
    """D13: every signature, every hash, every effect. Returns the state after each entry."""
    state, states = State(scope), [None]
    for seq in range(1, len(CHAIN)):
        raw, signature = x.hex(f"entry {seq}"), x.hex(f"signature {seq}")
        wraps = x.hex(WRAPS[seq]) if seq in WRAPS else None
        verify_next(state, fields(raw, signature), wraps)
        x.equal(f"hash {seq}", state.head_hash)
        x.true(f"signature {seq}", test_signature(x, seq, raw, signature))
        x.equal(f"entry {seq}", rebuild_entry(x, scope, seq, parse_fields(raw)))
        states.append(checkpoint_values(state))
    test_end(x, state)
    return state, states


CHAIN = ("", "A1 genesis", "A1 add", "B1 records", "B1 heartbeat", "A1 checkpoint", "B1 acknowledge", "A1 add",
         "C1 leave", "A1 rotate", "A2 recovery", "A3 remove", "R4 recover", "S5 records", "S5 records", "S5 heartbeat",
         "S5 close")  # signer, epoch, kind
WRAPS = {1: "wraps", **{seq: f"wraps {seq}" for seq in (2, 7, 9, 10, 11, 12)}}


def test_signature(x, seq, raw, signature):
    """The signature verifies; not over other bytes, and not with n − s in place of s."""
    key = x.hex(f"{CHAIN[seq][0]} ECDSA key")
    high = signature[:32] + (ORDER - int.from_bytes(signature[32:], "big")).to_bytes(32, "big")
    return (signature_verifies(key, raw, signature) and not signature_verifies(key, raw + b"\0", signature)
            and not signature_verifies(key, raw, high))


def rebuild_entry(x, scope, seq, parts):
    """D6, D7: the entry from the other values of the page. The boxes of changes are on the page only inside it."""
    signer, epoch, kind = CHAIN[seq][0], int(CHAIN[seq][1]), CHAIN[seq][3:]
    prev = x.hex(f"hash {seq - 1}") if seq > 1 else ZERO_HASH
    time = f"2026-11-21T00:00:{seq:02}.000Z"
    return fields("anima:entry:v1", *scope, u64(seq), prev, u32(0 if seq == 1 else epoch), kind,
                  rebuild_body(x, seq, kind, parts[8]), time, x.text(f"{signer} id"))


def rebuild_body(x, seq, kind, body):
    before = {2: 1, 7: 2, 8: 7, 9: 8, 10: 9, 11: 10, 12: 11, 16: 12}.get(seq)  # the last roster entry
    prev = x.hex(f"hash {before}") if before else ZERO_HASH
    if kind == "records":
        return body  # test_change and test_later_changes recompute it
    if kind == "heartbeat":
        return b"" if seq == 4 else b"\0"
    if seq == 5:
        return fields(*(x.hex(f"checkpoint {name}") for name in ("roster", "entries", "records")))
    if seq == 6:
        return fields(u64(5), x.hex("hash 5"))
    if kind in ("leave", "close"):
        return fields(prev)
    umk_epoch = {1: 1, 2: 1, 7: 1, 9: 2, 10: 3, 11: 4, 12: 5}[seq]
    commitment = epoch_keys(x.hex(f"UMK {umk_epoch}"), x.scope(), umk_epoch)[1]
    return fields(prev, sha256(x.hex(WRAPS[seq])), commitment, *rebuild_rest(x, seq))


def rebuild_rest(x, seq):
    def member(who, role, label=b""):
        return fields(x.hex(f"{who} ECDH key"), x.hex(f"{who} ECDSA key"), role, label)
    return {1: lambda: (member("A", "admin", x.hex("label box")),),
            2: lambda: (member("B", "admin"), x.text("pairing id"), x.hex("transcript hash")),
            7: lambda: (member("C", "data"), x.text("pairing id 7"), x.hex("transcript hash 7")),
            9: lambda: (),
            10: lambda: (member("R", "recovery"), x.hex("recovery box hash")),
            11: lambda: (x.text("B id"),),
            12: lambda: (member("S", "admin"), member("T", "recovery"), sha256(x.hex("T recovery box")))}[seq]()


def test_end(x, state):
    roles = {state_id: m.role for state_id, m in state.members.items()}
    x.true("end: members", roles == {x.text("S id"): "admin", x.text("T id"): "recovery"})
    x.true("end: epoch, closed", state.epoch == 5 and state.closed and not state.rotation_due)
    x.true("end: void", [(v["seq"], v["reason"]) for v in state.void_entries] == [(15, "malformed_body")]
           and state.void_changes == [{"seq": 14, "index": 2, "reason": "bad_version"}])
    x.true("end: roster entries", state.roster_count == 9)
    for name, value in zip(("entries", "records"), checkpoint_values(state)[1:]):
        x.equal(f"final {name}", value)
    x.true("end: former members", state.used_ids == {x.text(f"{w} id") for w in "ABCRST"})
    x.true("end: acknowledged", state.acknowledged == (5, x.hex("hash 5"), x.text("A id")))
    x.true("end: box of T", state.recovery_box == sha256(x.hex("T recovery box")))
    for epoch in range(1, 6):
        umk = x.hex(f"UMK {epoch}")
        x.true(f"UMK {epoch}", epoch_keys(umk, state.scope, epoch)[1] == state.commitments[epoch])
    x.true("wraps hash in entry 1", state.wraps[0].hash == x.hex("wraps hash"))
    for note, who in zip(state.wraps, ("A", "B", "C", "AB", "ABR", "AR", "ST")):
        for one in who:
            umk = open_own_wrap(state, note, x.text(f"{one} id"), x.hex(f"{one} ECDH scalar"))
            x.true(f"{one} opens the wraps of entry {note.seq}", umk == x.hex(f"UMK {note.epoch}"))
    first_label = parse_roster_body(decode_entry(fields(x.hex("entry 1"), bytes(64)))).members[0].label
    x.true("label in entry 1", first_label == x.hex("label box"))


def test_change(x, state, plaintext):
    change, umk = state.records["memory", "note-1"][0], x.hex("UMK 1")
    dek = x.hex("change DEK")
    box = seal(dek, x.hex("change box nonce"), plaintext, record_aad(state.scope[1], "memory", "note-1"))
    x.true("change box", box == change.box)
    x.true("change dek", seal(umk, x.hex("change DEK nonce"), dek, dek_aad("memory", "note-1")) == change.dek)
    x.equal("change hash", change.hash)
    content = open_content(change, umk, state.scope)
    x.true("content of entry 3", content == Content(True, "text/plain", b"hello", 3))
    test_later_changes(x, state)


def test_later_changes(x, state):
    umk, note = x.hex("UMK 5"), state.records["memory", "note-1"]
    again = Content(True, "text/plain", b"hello again " * 25, 4)
    for version, expected in ((2, again), (3, Content(False, "", b"", 5))):
        x.equal(f"change hash {version}", note[version - 1].hash)
        x.true(f"content of version {version}", open_content(note[version - 1], umk, state.scope) == expected)
    change = state.records["todo", "item-1"][0]
    x.equal("change hash void", change.hash)
    try:
        open_content(change, umk, state.scope)
        x.true("content of item-1 is void", False)
    except Void:
        x.true("content of item-1 is void", True)
    change.seq += 1
    x.true("for its Lamport time only", open_content(change, umk, state.scope).lamport == 1401)
    change.seq -= 1


def test_checkpoint(x, states):
    for name, value in zip(("roster", "entries", "records"), states[4]):
        x.equal(f"checkpoint {name}", value)
    node = sha256(b"\1" + x.hex("inclusion 1") + sha256(b"\0" + x.hex("hash 2")))  # RFC 6962 section 2.1.1
    x.equal("checkpoint entries", sha256(b"\1" + node + x.hex("inclusion 2")))


def test_pairing(x, scope):
    pairing, n, a, head = x.text("pairing id"), x.keys("B"), x.keys("A"), x.hex("pairing head")
    x.equal("pairing head", x.hex("hash 1"))
    x.equal("commit N", sha256(x.hex("nonce N") + n))
    transcript = sha256(fields("anima:pairing:v1", *scope, pairing, n, x.hex("nonce N"), a, x.hex("nonce A"), head))
    x.equal("transcript hash", transcript)
    x.equal("pairing code", grouped(base32(transcript[:10])))
    added = parse_fields(parse_fields(x.hex("entry 2"))[8])
    x.true("pairing in entry 2", added[4:] == [pairing.encode(), transcript])
    secret = x.hex("QR secret")
    x.equal("QR keys hash", sha256(n))
    x.equal("QR text", "ANIMA-N1-" + base32(pairing.encode() + secret + sha256(n)).upper())
    message = ("anima:pairing-qr:v1", *scope, pairing, n, a)
    x.equal("QR keys hash of A", sha256(a))
    x.equal("QR MAC new", hmac(secret, fields(message[0], "new", *scope, pairing, n, sha256(a), b"")))
    approver = fields(message[0], "approver", *message[1:], head)
    x.equal("QR MAC approver", hmac(secret, approver))
    x.equal("QR transcript hash", sha256(approver))


def test_recovery(x, scope, state):
    secret = x.hex("recovery secret")
    x.equal("recovery code", recovery_code(secret))
    x.true("recovery code as typed", recovery_secret(" " + x.text("recovery code").lower().replace("0", "o")) == secret)
    x.equal("code KEK", recovery_box_key(secret, scope))
    x.equal("box AAD", recovery_box_aad(scope))
    plaintext = fields(x.hex("hash 1"), u64(9), x.hex("hash 9"), u32(3), x.hex("UMK 3"), x.hex("R ECDH key"),
                       x.hex("R ECDH scalar"), x.hex("R ECDSA key"), x.hex("R ECDSA scalar"))
    box = seal(recovery_box_key(secret, scope), x.hex("box nonce"), plaintext, recovery_box_aad(scope))
    x.equal("sealed recovery box", box)
    x.equal("recovery box hash", sha256(box))
    opened = open_recovery_box(box, recovery_secret(x.text("recovery code")), scope)
    x.true("box hash in entry 10", state.recoveries[10][1] == opened.hash)
    x.true("R is the recovery member until entry 12", recovery_holds(x, scope, opened, 11))
    x.true("and not after", not recovery_holds(x, scope, opened, 12))


def vault_of_page(x, last=None):
    """The file of the vault of D13, for the reader."""
    vault = dict(zip(("org", "user", "vault"), x.scope())) | {"entries": []}
    for seq in range(1, last or len(CHAIN)):
        entry = {"entry": b64(fields(x.hex(f"entry {seq}"), x.hex(f"signature {seq}")))}
        vault["entries"].append(entry | ({"wraps": b64(x.hex(WRAPS[seq]))} if seq in WRAPS else {}))
    return vault


def test_reading(x):
    """The whole reader on the chain of the page, by a device and by the code of T; and where it stops."""
    vault = vault_of_page(x)
    device = {"device": {"ecdh": x.text("S ECDH scalar"), "ecdsa": x.text("S ECDSA scalar")}}
    code = {"recoveryCode": x.text("T recovery code"), "recoveryBox": b64(x.hex("T recovery box"))}
    for name, credential in (("S", device), ("T", code)):
        report = read_vault(vault | credential)
        x.true(f"{name} reads to the end", report["stop"] is None and report["head"]["hash"] == x.text("hash 16"))
        x.true(f"{name} has all keys", [e["hasKey"] for e in report["epochs"]] == [True] * 5)
        x.true(f"{name} reports no missing key", report["keyProblems"] == [])
        x.true(f"{name} reads the records", [(r["type"], r["version"], r["state"]) for r in report["records"]] ==
               [("memory", 3, "tombstone"), ("todo", 1, "void")])
    entries = vault["entries"]
    x.true("stops at entry 14 after 12", stop_of(vault, device, entries[:12] + entries[13:]) == "bad_sequence")
    signed = fields(x.hex("entry 13"), x.hex("signature 14"))
    other = entries[:12] + [{"entry": b64(signed)}]
    x.true("stops at another signature", stop_of(vault, device, other) == "bad_signature")
    following = parse_fields(x.hex("entry 15"))
    following[4:6] = u64(17), x.hex("hash 16")
    signed = fields(fields(*following), x.hex("signature 15"))
    x.true("stops after the end", stop_of(vault, device, entries + [{"entry": b64(signed)}]) == "closed")


def stop_of(vault, device, entries):
    return read_vault(vault | device | {"entries": entries})["stop"]["reason"]


def recovery_holds(x, scope, box, last):
    state = State(scope)
    for seq in range(1, last + 1):
        verify_next(state, fields(x.hex(f"entry {seq}"), x.hex(f"signature {seq}")))
    try:
        return check_recovery(state, box) == x.text("R id")
    except RecoveryRefused:
        return False


def test_request(x, service):
    """S1: the signature base (RFC 9421 section 2.5)."""
    digest = f"sha-256=:{b64(sha256(b'{}'))}:"
    keyid = ".".join(x.scope() + (x.text("A id"),))
    lines = ['"@method": POST', '"@authority": vault.example', f'"@path": /v1/device-vaults/{x.scope()[2]}/log',
             '"@query": ?', f'"content-digest": {digest}',
             '"@signature-params": ("@method" "@authority" "@path" "@query" "content-digest");created=1764547200;'
             f'keyid="{keyid}";alg="ecdsa-p256-sha256";tag="anima-device-v1"']
    service.equal("request base", "\\n".join(lines))  # the page writes a line feed as \n
    signature = service.base64("request signature")
    service.true("request signature", signature_verifies(x.hex("A ECDSA key"), "\n".join(lines).encode(), signature))


def self_test(format_page, service_page):
    x, service = Examples(format_page), Examples(service_page)
    scope = x.scope()
    test_keys(x)
    test_published(x)
    test_epochs(x, scope)
    plaintext = test_plaintext(x)
    test_wraps(x, scope)
    state, states = test_chain(x, scope)
    test_change(x, state, plaintext)
    test_checkpoint(x, states)
    test_pairing(x, scope)
    test_recovery(x, scope, state)
    test_reading(x)
    test_request(x, service)
    return print_results(x, service)


def print_results(*pages):
    results = [r for page in pages for r in page.results]
    for name, ok in results:
        print("ok  " if ok else "FAIL", name)
    failed = sum(not ok for _, ok in results)
    unused = [name for page in pages for name in page.values if name not in page.used]
    print(f"{len(results) - failed} of {len(results)} checks passed; "
          f"{sum(len(p.values) for p in pages)} values on the pages, not used: {unused or 'none'}")
    return 1 if failed or unused else 0


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    sys.exit(self_test(*sys.argv[1:]))
