"""A small writer of synthetic vaults, to exercise what the examples do not: later wraps, history, stop and void."""
import math
import os
import read_device_vault as r
from read_device_vault import fields, u32, u64, ZERO_HASH as Z
from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.hazmat.primitives import hashes

SCOPE = ("0123456789abcdef", "ghjkmnpqrstvwxyz", "v0v1v2v3v4v5v6v7")


class Dev:
    def __init__(self):
        self.a, self.b = (os.urandom(31).rjust(32, b"\1") for _ in range(2))
        self.ecdh, self.ecdsa = r.public_point(self.a), r.public_point(self.b)
        self.id = r.device_id(self.ecdh, self.ecdsa)

    def member(self, role, label=b""):
        return fields(self.ecdh, self.ecdsa, role, label)

    def sign(self, data, high=False):
        a, s = utils.decode_dss_signature(r.private_key(self.b).sign(data, ec.ECDSA(hashes.SHA256())))
        s = s if (s > r.ORDER // 2) == high else r.ORDER - s
        return a.to_bytes(32, "big") + s.to_bytes(32, "big")


class W:
    def __init__(self):
        self.state, self.entries, self.umks, self.devs = r.State(SCOPE), [], {}, {}

    def raw(self, dev, kind, body, **o):
        s = self.state
        o = dict(suite="anima:entry:v1", scope=SCOPE, seq=s.head_seq + 1, prev=s.head_hash, epoch=s.epoch,
                 time="2026-11-21T00:00:00.000Z") | o
        return fields(o["suite"], *o["scope"], u64(o["seq"]), o["prev"], u32(o["epoch"]), kind, body, o["time"], dev.id)

    def signed(self, dev, kind, body, high=False, **o):
        raw = self.raw(dev, kind, body, **o)
        return fields(raw, dev.sign(raw, high))

    def put(self, dev, kind, body, wraps=None, **o):
        signed, voids = self.signed(dev, kind, body, **o), len(self.state.void_entries)
        changes = len(self.state.void_changes)
        try:
            r.verify_next(self.state, signed, wraps)
        except r.Stop as stop:
            return "stop " + str(stop)
        self.entries.append({"entry": r.b64(signed)} | ({"wraps": r.b64(wraps)} if wraps else {}))
        for list_, n in ((self.state.void_entries, voids), (self.state.void_changes, changes)):
            if len(list_) > n:
                return [v["reason"] for v in list_[n:]][0]
        return "ok"

    def umk(self, e):
        return self.umks.setdefault(e, os.urandom(32))

    def wraps(self, e, devs, h=0, bad=()):
        sender = Dev()
        hist = b""
        if h:
            k = r.epoch_keys(self.umk(e), SCOPE, e)[0]
            hist = r.seal(k, os.urandom(12), self.umk(h), r.history_aad(SCOPE, e, h))
        out = fields("anima:wraps:v1", *SCOPE, u32(e), sender.ecdh, u32(h), hist)
        for d in sorted(devs, key=lambda d: d.id):
            salt = os.urandom(32)
            umk = bytes(32) if d in bad else self.umk(e)
            box = r.seal(r.wrap_kek(sender.a, d.ecdh, salt, d.id), os.urandom(12), umk, r.wrap_aad(d.id))
            out += fields(d.id, salt, box)
        return out

    def commit(self, e):
        return r.epoch_keys(self.umk(e), SCOPE, e)[1]

    def roster(self, dev, kind, e, devs, *rest, h=0, bad=(), prev=None):
        w = self.wraps(e, devs, h, bad)
        return self.put(dev, kind, fields(prev or self.state.roster_hash, r.sha256(w), self.commit(e), *rest), w)

    def change(self, dev, kind, id, body, *, live=True, version=None, parent=None, inner=None, lamport=1, pad=None,
               umk=None):
        old = self.state.records.get((kind, id))
        version = version or (old[-1].version + 1 if old else 1)
        parent = parent or (old[-1].hash if old else Z)
        flag, media_type = (b"\1", "text/plain") if live else (b"\0", "")
        f = fields(u64(version), parent, inner or dev.id, u64(lamport), flag, media_type, body)
        p, dek = r.pack_plaintext(f) + (pad or b""), os.urandom(32)
        box = r.seal(dek, os.urandom(12), p, f"pia-e2ee-v1:{SCOPE[1]}:{kind}:{id}".encode())
        d = r.seal(umk or self.umk(self.state.epoch), os.urandom(12), dek, f"pia-dek-wrap-v1:{kind}:{id}".encode())
        return fields(kind, id, u64(version), parent, box, d)

    def record(self, dev, *a, **k):
        return self.put(dev, "records", fields(self.change(dev, *a, **k)))

    def file(self, dev=None, **more):
        v = dict(zip(("org", "user", "vault"), SCOPE)) | {"entries": self.entries} | more
        return v | ({"device": {"ecdh": dev.a.hex(), "ecdsa": dev.b.hex()}} if dev else {})


N = 0
def eq(a, b):
    global N
    N += 1
    assert a == b, (a, b)


def label(w, d, e, t):
    return r.seal(r.label_key(w.umk(e), SCOPE, e), os.urandom(12), t.encode(), r.label_aad(SCOPE, e, d.id))


w, A, B, C, R, X = W(), Dev(), Dev(), Dev(), Dev(), Dev()
P = ("p0p1p2p3p4p5p6p7", bytes(32))
eq(w.put(A, "heartbeat", b""), "stop bad_genesis")
eq(w.roster(A, "genesis", 1, [A], A.member("data")), "stop bad_genesis")
eq(w.roster(B, "genesis", 1, [A], A.member("admin")), "stop bad_genesis")
eq(w.roster(A, "genesis", 1, [A], A.member("admin"), prev=b"1" * 32), "stop bad_genesis")
eq(w.roster(A, "genesis", 1, [A], A.member("admin", label(w, A, 1, "Laptop é"))), "ok")
eq(w.roster(A, "genesis", 1, [A], X.member("admin")), "misplaced_genesis")
eq(w.put(A, "heartbeat", b"", suite="anima:entry:v2"), "stop unsupported_suite")
eq(w.put(A, "heartbeat", b"", suite="anima:entryx"), "stop malformed")
eq(w.put(A, "heartbeat", b"", time="2026-11-21T24:00:00.000Z"), "stop malformed")
eq(w.put(A, "heartbeat", b"", time="2026-11-21T00:00:00.000Z\n"), "stop malformed")
eq(w.put(A, "beat", b""), "stop unknown_kind")
eq(w.put(A, "heartbeat", b"", scope=(SCOPE[0], SCOPE[1], "x" * 16)), "stop other_vault")
eq(w.put(A, "heartbeat", b"", seq=9), "stop bad_sequence")
eq(w.put(A, "heartbeat", b"", seq=2**53), "stop malformed")
eq(w.put(A, "heartbeat", b"", prev=Z), "stop bad_previous_hash")
eq(w.put(B, "heartbeat", b""), "stop not_a_member")
eq(w.put(A, "heartbeat", b"", epoch=2), "stop bad_epoch")
eq(w.put(A, "heartbeat", b"", high=True), "stop bad_signature")
eq(w.put(A, "heartbeat", b"\0"), "malformed_body")
eq(w.put(A, "checkpoint", b""), "malformed_body")
eq(w.put(A, "checkpoint", fields(Z, Z, Z)), "bad_checkpoint")
eq(w.put(A, "acknowledge", fields(u64(1), Z)), "bad_acknowledgement")
eq(w.put(A, "checkpoint", fields(*r.checkpoint_values(w.state))), "ok")
cp = w.state.checkpoint
eq(w.put(A, "acknowledge", fields(u64(cp[0]), cp[1])), "ok")   # no other member can
eq(w.put(A, "leave", fields(w.state.roster_hash)), "last_admin")
eq(w.put(A, "leave", b""), "malformed_body")
eq(w.put(A, "leave", fields(Z)), "bad_previous_roster")
eq(w.record(A, "memory", "m1", b"one"), "ok")
eq(w.roster(A, "add", 2, [B], B.member("data"), *P), "bad_commitment")
eq(w.roster(A, "add", 1, [B], B.member("recovery"), *P), "malformed_body")
eq(w.roster(A, "add", 1, [B], B.member("data"), "short", Z), "malformed_body")
eq(w.roster(A, "add", 1, [B], fields(B.ecdh, B.ecdh, "data", b""), *P), "malformed_body")
eq(w.roster(A, "add", 1, [A], A.member("data"), *P), "device_reused")
eq(w.roster(A, "add", 1, [B], B.member("data", label(w, B, 1, "phone")), *P), "ok")
eq(w.roster(B, "add", 1, [C], C.member("data"), *P), "forbidden")
eq(w.roster(A, "remove", 2, [A], A.id), "own_device")
eq(w.roster(A, "remove", 2, [A], C.id), "unknown_device")
eq(w.record(B, "bank", "m1", b"x"), "unknown_type")
eq(w.record(B, "todo", "m:1", b"x"), "bad_record_id")
eq(w.record(B, "todo", "t1", b"x", version=2), "bad_version")
eq(w.record(B, "todo", "t1", b"x", parent=b"1" * 32), "bad_parent")
eq(w.put(B, "records", b""), "malformed_body")
eq(w.put(B, "records", b"\1"), "malformed_body")
eq(w.put(B, "records", fields(*[b""] * 101)), "too_many_changes")
eq(w.put(B, "records", fields(b"\1")), "malformed_body")
eq(w.record(B, "todo", "t1", b"\xff\0"), "ok")
eq(w.record(B, "memory", "m1", b"two", lamport=10**4), "ok")   # content void
eq(w.record(B, "memory", "m1", b"two", inner=A.id), "ok")      # content void
eq(w.record(B, "memory", "m1", b"two", pad=b"\0"), "ok")       # content void
eq(w.record(B, "memory", "m1", b"two", umk=bytes(32)), "ok")   # content void
eq(w.record(B, "session", "s1", b"long" * 200), "ok")
eq(w.record(A, "session", "s1", b"", live=False), "ok")
eq(w.record(A, "session", "s2", b"x", live=False), "ok")       # tombstone with a body
eq(w.put(A, "checkpoint", fields(*r.checkpoint_values(w.state))), "ok")
eq(w.put(A, "acknowledge", fields(u64(w.state.head_seq), w.state.head_hash)), "bad_acknowledgement")
cp = w.state.checkpoint
eq(w.put(B, "acknowledge", fields(u64(cp[0]), cp[1])), "ok")
eq(w.roster(A, "add", 1, [C], C.member("admin"), *P), "ok")
eq(w.put(B, "leave", fields(w.state.roster_hash)), "ok")
eq(w.record(A, "memory", "m2", b"x"), "stop rotation_due")
eq(w.roster(A, "rotate", 2, [A, C], h=1), "ok")
eq(w.record(C, "memory", "m2", b"epoch two"), "ok")
secret = os.urandom(16)
def rbox(e):
    keys = (R.ecdh, R.a, R.ecdsa, R.b)
    p = fields(w.state.entry_hashes[0], u64(w.state.head_seq), w.state.head_hash, u32(e), w.umk(e), *keys)
    return r.seal(r.recovery_box_key(secret, SCOPE), os.urandom(12), p, r.recovery_box_aad(SCOPE))
box = rbox(3)
eq(w.roster(A, "recovery", 3, [A, C, R], R.member("recovery"), r.sha256(box), h=2, bad=[C]), "ok")
eq(w.put(R, "heartbeat", b""), "forbidden")
eq(w.put(R, "heartbeat", b"1"), "forbidden")
eq(w.record(R, "memory", "m2", b"x"), "forbidden")
eq(w.record(A, "memory", "m2", b"epoch three"), "ok")
D = Dev()
eq(w.roster(A, "add", 3, [D], D.member("admin"), *P, h=1), "ok")  # the history box is ignored
more = dict(recoveryCode=r.recovery_code(secret).lower().replace("1", "I"), recoveryBox=r.b64(box))

for who, keys, m2 in ((A, [1, 2, 3], "epoch three"), (D, [1, 2, 3], "epoch three"), (None, [1, 2, 3], "epoch three"),
                      (C, [1, 2], None), (B, [1], None)):
    v = r.read_vault(w.file(who, **({} if who else more)))
    eq(v["stop"], None)
    eq([e["epoch"] for e in v["epochs"] if e["hasKey"]], keys)
    recs = {f"{x['type']}:{x['id']}": x for x in v["records"]}
    m1 = recs["memory:m1"]
    eq((m1["state"], m1["contentVersion"], m1["body"], m1["version"]), ("live", 1, "one", 5))
    eq((recs["todo:t1"]["encoding"], recs["todo:t1"]["body"]), ("base64", "/wA="))
    eq(recs["session:s1"]["state"], "tombstone")
    eq(recs["session:s2"]["state"], "void")
    eq(recs["memory:m2"].get("body"), m2)
    eq([x["label"] for x in v["members"] if x["id"] == A.id], ["Laptop é"])
    eq([p["seq"] for p in v["keyProblems"]], [w.state.wraps[-2].seq] if who is C else [])
    eq(len([x for x in v["voidChanges"] if x["reason"] == "content"]), 5)

v = r.read_vault(w.file(None, **more | {"recoveryCode": r.recovery_code(os.urandom(16))}))
eq(v["refused"], "cannot decrypt")
S, T = Dev(), Dev()
eq(w.roster(A, "recover", 4, [S, T], S.member("admin"), T.member("recovery"), Z, h=3), "forbidden")
eq(w.roster(R, "recover", 4, [S], S.member("admin"), S.member("recovery"), Z, h=3), "device_reused")
eq(w.roster(R, "recover", 4, [S, T], S.member("admin"), T.member("recovery"), Z, h=3), "ok")
eq(r.read_vault(w.file(None, **more))["refused"], "the keys are no longer the recovery member")
v = r.read_vault(w.file(S))
eq([e["hasKey"] for e in v["epochs"]], [True] * 4)
for i in range(30):
    d = Dev()
    eq(w.roster(S, "add", 4, [d], d.member("data"), *P), "ok")
eq(w.roster(S, "add", 4, [X], X.member("data"), *P), "too_many_members")
R2 = Dev()
eq(w.roster(S, "recovery", 5, [S, R2], R2.member("recovery"), Z, h=3), "ok")   # history skips epoch 4
eq(w.roster(S, "remove", 6, [S], R2.id), "ok")
eq(w.state.recovery_box, None)
v = r.read_vault(w.file(S))
eq([p["problem"] for p in v["keyProblems"]],
   ["history box: absent", "history box: of an earlier epoch than the one before"])
w.state.roster_count = 960
eq(w.roster(S, "rotate", 7, [S], h=6), "roster_full")
w.state.roster_count = 1024
eq(w.roster(S, "remove", 7, [S], d.id, h=6), "roster_full")
eq(w.put(S, "close", fields(w.state.roster_hash)), "ok")
eq(w.put(S, "heartbeat", b""), "stop closed")
eq(r.read_vault(w.file(S) | {"entries": w.entries[:3] + w.entries[4:]})["stop"], {"seq": 4, "reason": "bad_sequence"})
for n in range(1, 70000):  # Padmé against its definition with logarithms
    if n > 256:
        E = int(math.log2(n))
        S_ = int(math.log2(E)) + 1
        m = (1 << E - S_) - 1
        assert r.padded_length(n) == (n + m) & ~m
print(N, "synthetic checks passed")
