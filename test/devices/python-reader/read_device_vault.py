#!/usr/bin/env python3
"""Reads a device vault. Its author had docs/format.md, docs/format-devices.md and docs/device-service.md only.

Section numbers (D1 … D14) are those of format-devices.md, F those of format.md, S those of device-service.md.

Usage:  read_device_vault.py VAULT.json

VAULT.json has the members `org`, `user`, `vault`; `entries`, each with `entry` and perhaps `wraps` (base64); and either
`device` (`ecdh` and `ecdsa`: the scalars in hex), or `recoveryCode` and `recoveryBox` (base64).
"""
import base64
import binascii
import hashlib
import json
import re
import sys
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

CURVE = ec.SECP256R1()
FIELD_PRIME = 2**256 - 2**224 + 2**192 + 2**96 - 1
ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
ZERO_HASH = bytes(32)
MAX_NUMBER = 2**53 - 1  # F introduction
MAX_ENTRY = 262_144  # D11
MAX_CHANGES = 100  # D11
MAX_MEMBERS = 32  # D11
MAX_ROSTER, ROSTER_RESERVE_FROM = 1024, 960  # D7, D11
LAMPORT_FACTOR = 100  # D11
BASE32 = "0123456789abcdefghjkmnpqrstvwxyz"

ORG_FORM = re.compile(r"[0-9a-z]{16}")
DEVICE_FORM = re.compile(f"[{BASE32}]{{32}}")
RECORD_ID_FORM = re.compile(r"[A-Za-z0-9_-]{1,64}")
MEDIA_TYPE_FORM = re.compile(r"[\x21-\x7e]{1,127}")  # D4
TIME_FORM = re.compile(
    r"[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]\.[0-9]{3}Z")
RECORD_TYPES = ("memory", "provider", "session", "todo")  # D1
KINDS = {"genesis", "add", "remove", "leave", "rotate", "recovery", "recover", "close",
         "records", "heartbeat", "checkpoint", "acknowledge"}  # D7 to D9


class FormError(Exception):
    """Bytes do not have the form that the page defines."""


class DecryptError(Exception):
    """The one error for everything that cannot be decrypted (D introduction)."""


class Stop(Exception):
    """The entry is not part of the chain (D6)."""


class Void(Exception):
    """The entry or the change has no effect (D6, D8)."""


class RecoveryRefused(Exception):
    """A check of D10, recovery, failed."""


# --- Bytes (F introduction, F1, D introduction) ---------------------------------------------------------------------

def u32(n):
    return n.to_bytes(4, "big")


def u64(n):
    return n.to_bytes(8, "big")


def fields(*parts):
    """F1. Text parts are encoded as UTF-8."""
    raw = [p.encode() if isinstance(p, str) else p for p in parts]
    return b"".join(u32(len(p)) + p for p in raw)


def parse_fields(data, count=None):
    parts, at = [], 0
    while at < len(data):
        if len(data) - at < 4:
            raise FormError
        end = at + 4 + int.from_bytes(data[at:at + 4], "big")
        if end > len(data):
            raise FormError
        parts.append(data[at + 4:end])
        at = end
    if count is not None and len(parts) != count:
        raise FormError
    return parts


def number(data, size):
    """A number field: exactly `size` bytes, at most 2^53−1 (F introduction)."""
    n = int.from_bytes(sized(data, size), "big")
    if n > MAX_NUMBER:
        raise FormError
    return n


def sized(data, size):
    if len(data) != size:
        raise FormError
    return data


def text(data):
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        raise FormError from None


def b64(data):
    return base64.b64encode(data).decode()


def unb64(value):
    """Canonical base64 only (F introduction)."""
    try:
        data = base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        raise FormError from None
    if b64(data) != value:
        raise FormError
    return data


def base32(data):
    assert len(data) % 5 == 0
    n = int.from_bytes(data, "big")
    return "".join(BASE32[n >> shift & 31] for shift in range(len(data) * 8 - 5, -5, -5))


def unbase32(value):
    n = 0
    for character in value:
        if character not in BASE32:
            raise FormError
        n = n << 5 | BASE32.index(character)
    return n.to_bytes(len(value) * 5 // 8, "big")


def grouped(value):
    """Upper case, groups of four with hyphens (D10)."""
    return "-".join(value[i:i + 4] for i in range(0, len(value), 4)).upper()


def normalize_code(code):
    """F12, "link code". The white space is that of ECMAScript, which is not that of Python."""
    code = re.sub("[\t\n\v\f\r \u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\ufeff-]", "", code)
    code = "".join(c.lower() if c.isascii() else c for c in code)
    return code.translate(str.maketrans("ilo", "110"))


# --- Cryptography (D introduction) ----------------------------------------------------------------------------------

def sha256(data):
    return hashlib.sha256(data).digest()


def hkdf(secret, salt, info, length):
    return HKDF(hashes.SHA256(), length, salt or None, info).derive(secret)


def seal(key, nonce, plaintext, aad):
    return nonce + AESGCM(key).encrypt(nonce, plaintext, aad)


def open_box(key, box, aad):
    if len(box) < 28:
        raise DecryptError
    try:
        return AESGCM(key).decrypt(box[:12], box[12:], aad)
    except InvalidTag:
        raise DecryptError from None


def check_point(point):
    """A valid P-256 point of 65 bytes (D introduction)."""
    if len(point) != 65 or point[0] != 4:
        raise FormError
    if max(int.from_bytes(point[1:33], "big"), int.from_bytes(point[33:], "big")) >= FIELD_PRIME:
        raise FormError
    try:
        return ec.EllipticCurvePublicKey.from_encoded_point(CURVE, point)
    except ValueError:
        raise FormError from None


def private_key(scalar):
    n = int.from_bytes(sized(scalar, 32), "big")
    if not 0 < n < ORDER:
        raise FormError
    return ec.derive_private_key(n, CURVE)


def public_point(scalar):
    return private_key(scalar).public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def ecdh(scalar, point):
    return private_key(scalar).exchange(ec.ECDH(), check_point(point))


def signature_verifies(point, message, signature):
    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
    if not (0 < r < ORDER and 0 < s <= ORDER // 2):
        return False
    try:
        check_point(point).verify(encode_dss_signature(r, s), message, ec.ECDSA(hashes.SHA256()))
        return True
    except InvalidSignature:
        return False


def device_id(ecdh_key, ecdsa_key):
    """D1."""
    return base32(sha256(fields("anima:device:v1", ecdh_key, ecdsa_key))[:20])


# --- Keys and boxes (D2, D3) ----------------------------------------------------------------------------------------

def record_aad(user, kind, record):
    return pia_aad("pia-e2ee-v1", user, kind, record)


def dek_aad(kind, record):
    return pia_aad("pia-dek-wrap-v1", kind, record)


def wrap_aad(device):
    return pia_aad("pia-umk-wrap-v1", device)


def pia_aad(name, *parts):
    """D2: the parts are not empty and contain no colon."""
    if any(not part or ":" in part for part in parts):
        raise FormError
    return ":".join((name,) + parts).encode("ascii")


def wrap_kek(scalar, point, salt, device):
    return hkdf(ecdh(scalar, point), salt, wrap_aad(device), 32)


def epoch_info(scope, epoch):
    return fields("anima:umk:v1", *scope, u32(epoch))


def label_info(scope, epoch):
    return fields("anima:umk-label:v1", *scope, u32(epoch))


def epoch_keys(umk, scope, epoch):
    """D3: history key and commitment."""
    derived = hkdf(umk, b"", epoch_info(scope, epoch), 64)
    return derived[:32], derived[32:]


def label_key(umk, scope, epoch):
    return hkdf(umk, b"", label_info(scope, epoch), 32)


def history_aad(scope, epoch, earlier):
    return fields("anima:umk-history:v1", *scope, u32(epoch), u32(earlier))


def label_aad(scope, epoch, device):
    return fields("anima:label:v1", *scope, u32(epoch), device)


# --- State (D6) -----------------------------------------------------------------------------------------------------

@dataclass
class Member:
    id: str
    ecdh: bytes
    ecdsa: bytes
    role: str
    label: bytes
    label_epoch: int = 0  # D3: the epoch after the entry that contains the label


@dataclass
class Change:
    seq: int
    index: int
    signer: str
    epoch: int
    type: str
    id: str
    version: int
    parent: bytes
    box: bytes
    dek: bytes
    hash: bytes


@dataclass
class WrapsNote:
    """What an entry with an effect says about its wraps, and what the reader got with it."""
    seq: int
    kind: str
    epoch: int
    hash: bytes
    members: set  # ids that section 5 gives a wrap
    data: bytes | None


@dataclass
class Entry:
    raw: bytes
    signature: bytes
    hash: bytes
    scope: tuple
    seq: int
    prev: bytes
    epoch: int
    kind: str
    body: bytes
    signer: str


@dataclass
class State:
    scope: tuple
    head_seq: int = 0
    head_hash: bytes = ZERO_HASH
    roster_hash: bytes = ZERO_HASH
    roster_count: int = 0
    epoch: int = 0
    commitments: dict = field(default_factory=dict)
    rotation_due: bool = False
    members: dict = field(default_factory=dict)
    used_ids: set = field(default_factory=set)
    recovery_box: bytes | None = None
    records: dict = field(default_factory=dict)  # (type, id) → changes that took effect, oldest first
    entry_hashes: list = field(default_factory=list)
    checkpoint: tuple | None = None  # seq, hash, signer
    acknowledged: tuple | None = None
    heard: dict = field(default_factory=dict)
    closed: bool = False
    # not part of the state of the page, but of what this reader reports
    wraps: list = field(default_factory=list)
    recoveries: dict = field(default_factory=dict)  # seq → (recovery member, box hash, epoch)
    void_entries: list = field(default_factory=list)
    void_changes: list = field(default_factory=list)


# --- Verification (D6) ----------------------------------------------------------------------------------------------

def verify_next(state, signed, wraps=None):
    """Applies one signed entry. Raises Stop, and then leaves the state as it was."""
    entry = decode_entry(signed)
    check_place(state, entry)
    member = check_genesis(entry) if state.head_seq == 0 else check_signer(state, entry)
    if not signature_verifies(member.ecdsa, entry.raw, entry.signature):  # step 13
        raise Stop("bad_signature")
    try:
        BODIES[entry.kind](state, entry, wraps)  # step 14
    except Void as void:
        state.void_entries.append({"seq": entry.seq, "kind": entry.kind, "signer": entry.signer,
                                   "reason": str(void)})
    state.head_seq, state.head_hash = entry.seq, entry.hash
    state.entry_hashes.append(entry.hash)
    state.heard[entry.signer] = entry.seq


def decode_entry(signed):
    """Steps 1 to 4."""
    try:
        raw, signature = parse_fields(signed, 2)
        sized(signature, 64)
        if len(raw) > MAX_ENTRY:
            raise FormError
        parts = parse_fields(raw)
        if parts and is_other_suite(parts[0]):
            raise Stop("unsupported_suite")
        entry = entry_of_parts(raw, signature, parts)
    except FormError:
        raise Stop("malformed") from None
    if entry.kind not in KINDS:
        raise Stop("unknown_kind")
    return entry


def is_other_suite(name):
    return name != b"anima:entry:v1" and re.fullmatch(rb"anima:entry:v[0-9]{1,9}", name) is not None


def entry_of_parts(raw, signature, parts):
    """Step 3."""
    if len(parts) != 11 or parts[0] != b"anima:entry:v1":
        raise FormError
    scope = tuple(text(p) for p in parts[1:4])
    if not TIME_FORM.fullmatch(text(parts[9])):
        raise FormError
    return Entry(raw, signature, sha256(raw), scope, number(parts[4], 8), sized(parts[5], 32), number(parts[6], 4),
                 text(parts[7]), parts[8], text(parts[10]))


def check_place(state, entry):
    """Steps 5 to 8."""
    if entry.scope != state.scope:
        raise Stop("other_vault")
    if entry.seq != state.head_seq + 1:
        raise Stop("bad_sequence")
    if entry.prev != state.head_hash:
        raise Stop("bad_previous_hash")
    if state.closed:
        raise Stop("closed")


def check_genesis(entry):
    """Step 9. Returns the first member."""
    try:
        if entry.epoch != 0 or entry.kind != "genesis":
            raise FormError
        body = parse_roster_body(entry)
        if body.prev_roster != ZERO_HASH or entry.signer != body.members[0].id:
            raise FormError
        return body.members[0]
    except FormError:
        raise Stop("bad_genesis") from None


def check_signer(state, entry):
    """Steps 10 to 12."""
    if entry.signer not in state.members:
        raise Stop("not_a_member")
    if entry.epoch != state.epoch:
        raise Stop("bad_epoch")
    if state.rotation_due and entry.kind in ("records", "add"):
        raise Stop("rotation_due")
    return state.members[entry.signer]


def signer_role(state, entry):
    return state.members[entry.signer].role


# --- Roster entries (D7) --------------------------------------------------------------------------------------------

@dataclass
class RosterBody:
    prev_roster: bytes
    wraps: bytes = b""
    commitment: bytes = b""
    members: list = field(default_factory=list)
    device: str = ""
    box: bytes | None = None


# kind → (fields after prevRoster, roles of the signer); "member:x" is a member with one of the roles x
ROSTER_KINDS = {
    "genesis": (("wraps", "commitment", "member:admin"), ()),
    "add": (("wraps", "commitment", "member:admin,data", "pairing", "transcript"), ("admin",)),
    "remove": (("wraps", "commitment", "device"), ("admin",)),
    "leave": ((), ("admin", "data")),
    "rotate": (("wraps", "commitment"), ("admin",)),
    "recovery": (("wraps", "commitment", "member:recovery", "box"), ("admin",)),
    "recover": (("wraps", "commitment", "member:admin", "member:recovery", "box"), ("recovery",)),
    "close": ((), ("admin",)),
}


def parse_roster_body(entry):
    names = ROSTER_KINDS[entry.kind][0]
    parts = parse_fields(entry.body, 1 + len(names))
    body = RosterBody(sized(parts[0], 32))
    for name, part in zip(names, parts[1:]):
        parse_roster_field(body, name, part)
    return body


def parse_roster_field(body, name, part):
    if name.startswith("member:"):
        body.members.append(parse_member(part, name[7:].split(",")))
    elif name == "pairing":
        if not ORG_FORM.fullmatch(text(part)):
            raise FormError
    elif name == "device":
        if not DEVICE_FORM.fullmatch(text(part)):
            raise FormError
        body.device = text(part)
    elif name == "transcript":
        sized(part, 32)
    else:
        setattr(body, name, sized(part, 32))


def parse_member(data, roles):
    ecdh_key, ecdsa_key, role, label = parse_fields(data, 4)
    check_point(ecdh_key)
    check_point(ecdsa_key)
    role = text(role)
    if ecdh_key == ecdsa_key or role not in roles:
        raise FormError
    if label and (role == "recovery" or not 28 <= len(label) <= 284):
        raise FormError
    return Member(device_id(ecdh_key, ecdsa_key), ecdh_key, ecdsa_key, role, label)


def apply_roster(state, entry, wraps):
    """Step 14 for the kinds of D7, in the order of its table."""
    first = state.head_seq == 0
    if entry.kind == "genesis" and not first:
        raise Void("misplaced_genesis")
    try:
        body = parse_roster_body(entry)
    except FormError:
        raise Void("malformed_body") from None
    if not first:
        check_roster(state, entry, body)
    roster_effect(state, entry, body, wraps)


def check_roster(state, entry, body):
    if signer_role(state, entry) not in ROSTER_KINDS[entry.kind][1]:
        raise Void("forbidden")
    if body.prev_roster != state.roster_hash:
        raise Void("bad_previous_roster")
    if roster_is_full(state, entry.kind):
        raise Void("roster_full")
    if entry.kind == "add" and body.commitment != state.commitments[state.epoch]:
        raise Void("bad_commitment")
    if entry.kind == "remove" and body.device == entry.signer:
        raise Void("own_device")
    if entry.kind == "remove" and body.device not in state.members:
        raise Void("unknown_device")
    if entry.kind == "leave" and is_last_admin(state, entry.signer):
        raise Void("last_admin")
    check_new_members(state, entry, body)


def roster_is_full(state, kind):
    if kind == "close" or state.roster_count < ROSTER_RESERVE_FROM:
        return False
    reserved = kind in ("remove", "leave", "recover") or kind == "rotate" and state.rotation_due
    return state.roster_count >= MAX_ROSTER or not reserved


def is_last_admin(state, signer):
    return [m.id for m in state.members.values() if m.role == "admin"] == [signer]


def check_new_members(state, entry, body):
    ids = [m.id for m in body.members]
    if len(set(ids)) != len(ids) or any(i in state.used_ids for i in ids):
        raise Void("device_reused")
    if entry.kind in ("add", "recovery"):
        if len(members_after(state, entry, body)) > MAX_MEMBERS:
            raise Void("too_many_members")


def members_after(state, entry, body):
    """The members that the entry leaves, by id (column "effect" of D7)."""
    gone = {"remove": [body.device], "leave": [entry.signer], "recover": list(state.members),
            "recovery": [m.id for m in state.members.values() if m.role == "recovery"]}.get(entry.kind, [])
    after = {i: m for i, m in state.members.items() if i not in gone}
    after.update({m.id: m for m in body.members})
    return after


def roster_effect(state, entry, body, wraps):
    after = members_after(state, entry, body)
    if entry.kind in ("genesis", "remove", "rotate", "recovery", "recover"):
        state.epoch += 1
        state.commitments[state.epoch] = body.commitment
        state.rotation_due = False
    if entry.kind == "leave":
        state.rotation_due = True
    state.closed = entry.kind == "close"
    for member in body.members:
        member.label_epoch = state.epoch
        state.used_ids.add(member.id)
    note_recovery(state, entry, body, after)
    state.members = after
    if body.wraps:
        wrapped = {m.id for m in body.members} if entry.kind in ("genesis", "add") else set(after)
        state.wraps.append(WrapsNote(entry.seq, entry.kind, state.epoch, body.wraps, wrapped, wraps))
    state.roster_hash = entry.hash
    state.roster_count += 1


def note_recovery(state, entry, body, after):
    if body.box is not None:
        state.recovery_box = body.box
        state.recoveries[entry.seq] = (body.members[-1], body.box, state.epoch)
    elif not any(m.role == "recovery" for m in after.values()):
        state.recovery_box = None


# --- Records (D8) ---------------------------------------------------------------------------------------------------

def apply_records(state, entry, _wraps):
    require_writer(state, entry)
    try:
        changes = parse_fields(entry.body)
    except FormError:
        raise Void("malformed_body") from None
    if not changes:
        raise Void("malformed_body")
    if len(changes) > MAX_CHANGES:
        raise Void("too_many_changes")
    for index, data in enumerate(changes):
        try:
            change = check_change(state, entry, index, data)
            state.records.setdefault((change.type, change.id), []).append(change)
        except Void as void:
            state.void_changes.append({"seq": entry.seq, "index": index, "reason": str(void)})


def require_writer(state, entry):
    if signer_role(state, entry) not in ("admin", "data"):
        raise Void("forbidden")


def check_change(state, entry, index, data):
    try:
        kind, record, version, parent, box, dek = parse_fields(data, 6)
        kind, record, version = text(kind), text(record), number(version, 8)
        sized(parent, 32), sized(dek, 60)
        if len(box) < 28:
            raise FormError
    except FormError:
        raise Void("malformed_body") from None
    if kind not in RECORD_TYPES:
        raise Void("unknown_type")
    if not RECORD_ID_FORM.fullmatch(record):
        raise Void("bad_record_id")
    newest = (state.records.get((kind, record)) or [None])[-1]
    if version != (newest.version + 1 if newest else 1):
        raise Void("bad_version")
    if parent != (newest.hash if newest else ZERO_HASH):
        raise Void("bad_parent")
    digest = change_hash(state.scope, kind, record, version, parent, entry.epoch, box, dek)
    return Change(entry.seq, index, entry.signer, entry.epoch, kind, record, version, parent, box, dek, digest)


def change_hash(scope, kind, record, version, parent, epoch, box, dek):
    return sha256(fields("anima:change:v1", *scope, kind, record, u64(version), parent, u32(epoch), box, dek))


# --- Heartbeats, checkpoints, acknowledgements (D9) -----------------------------------------------------------------
# `forbidden` is decided before `malformed_body`, as in D8; in D7 it is the other way round.

def apply_heartbeat(state, entry, _wraps):
    require_writer(state, entry)
    if entry.body:
        raise Void("malformed_body")


def apply_checkpoint(state, entry, _wraps):
    require_writer(state, entry)
    try:
        body = tuple(sized(p, 32) for p in parse_fields(entry.body, 3))
    except FormError:
        raise Void("malformed_body") from None
    if body != checkpoint_values(state):
        raise Void("bad_checkpoint")
    state.checkpoint = (entry.seq, entry.hash, entry.signer)


def checkpoint_values(state):
    return state.roster_hash, merkle_root(state.entry_hashes), merkle_root(record_leaves(state))


def record_leaves(state):
    newest = sorted((f"{c[-1].type}:{c[-1].id}", c[-1]) for c in state.records.values())
    return [fields(c.type, c.id, u64(c.version), c.hash, u32(c.epoch)) for _, c in newest]


def merkle_root(leaves):
    """RFC 6962 section 2.1."""
    if not leaves:
        return sha256(b"")
    if len(leaves) == 1:
        return sha256(b"\x00" + leaves[0])
    split = 1 << (len(leaves) - 1).bit_length() - 1
    return sha256(b"\x01" + merkle_root(leaves[:split]) + merkle_root(leaves[split:]))


def apply_acknowledge(state, entry, _wraps):
    require_writer(state, entry)
    try:
        seq, digest = parse_fields(entry.body, 2)
        seq, digest = number(seq, 8), sized(digest, 32)
    except FormError:
        raise Void("malformed_body") from None
    if state.checkpoint is None or (seq, digest) != state.checkpoint[:2]:
        raise Void("bad_acknowledgement")
    others = [m for m in state.members.values() if m.role != "recovery" and m.id != entry.signer]
    if entry.signer == state.checkpoint[2] and others:
        raise Void("bad_acknowledgement")
    state.acknowledged = state.checkpoint


BODIES = {kind: apply_roster for kind in ROSTER_KINDS} | {
    "records": apply_records, "heartbeat": apply_heartbeat,
    "checkpoint": apply_checkpoint, "acknowledge": apply_acknowledge}


# --- Wraps and epoch keys (D3, D5) ----------------------------------------------------------------------------------

@dataclass
class Wraps:
    sender: bytes
    earlier: int
    history: bytes
    boxes: dict  # device id → (salt, box)


def parse_wraps(note, scope):
    """The first two steps of D5: hash, then form, scope and epoch."""
    if note.data is None:
        raise FormError("wraps are missing")
    if sha256(note.data) != note.hash:
        raise FormError("hash of the wraps differs")
    parts = parse_fields(note.data)
    head = ("anima:wraps:v1",) + scope
    if len(parts) < 8 or (len(parts) - 8) % 3 or tuple(parts[:4]) != tuple(p.encode() for p in head):
        raise FormError("form or scope of the wraps")
    if number(parts[4], 4) != note.epoch:
        raise FormError("epoch of the wraps")
    check_point(parts[5])
    earlier, history = number(parts[6], 4), parts[7]
    check_history_form(note, earlier, history)
    return Wraps(parts[5], earlier, history, parse_boxes(parts[8:]))


def check_history_form(note, earlier, history):
    """h and box are both absent, or h is below the epoch and the box has 60 bytes (D5)."""
    if bool(earlier) != bool(history) or len(history) not in (0, 60) or earlier >= note.epoch:
        raise FormError("history of the wraps")


def parse_boxes(parts):
    """Which devices have a wrap is not compared with the members (D5)."""
    boxes, before = {}, ""
    for at in range(0, len(parts), 3):
        device = text(parts[at])
        if not DEVICE_FORM.fullmatch(device) or device <= before:
            raise FormError("order of the wraps")
        boxes[device] = (sized(parts[at + 1], 32), sized(parts[at + 2], 60))
        before = device
    if len(boxes) > MAX_MEMBERS:
        raise FormError("too many wraps")
    return boxes


def check_umk(umk, state, epoch):
    """A UMK is used only after this check, wherever it comes from (D3)."""
    if epoch_keys(umk, state.scope, epoch)[1] != state.commitments[epoch]:
        raise DecryptError("commitment differs")
    return umk


def open_own_wrap(state, note, device, scalar):
    wraps = parse_wraps(note, state.scope)
    if device not in wraps.boxes:
        raise FormError("no wrap for this device")
    salt, box = wraps.boxes[device]
    umk = open_box(wrap_kek(scalar, wraps.sender, salt, device), box, wrap_aad(device))
    return check_umk(umk, state, note.epoch)


def open_epochs(state, device, scalar):
    """All UMKs that the member can get, and what it reports. First its own wraps, then the history boxes, newest first.
    A UMK from a history box ends "no key" for its epoch, though the own wrap of that epoch did not open (D3)."""
    umks, problems = {}, []
    for note in state.wraps:
        if device in note.members and note.epoch not in umks:
            try:
                umks[note.epoch] = open_own_wrap(state, note, device, scalar)
            except (FormError, DecryptError) as error:
                problems.append(problem(note, "own wrap: " + (str(error) or "does not open")))
    for epoch in range(state.epoch, 1, -1):
        open_history(state, epoch, umks, problems)
    return umks, problems


def open_history(state, epoch, umks, problems):
    note = next(n for n in state.wraps if n.epoch == epoch and n.kind not in ("genesis", "add"))
    if epoch not in umks:
        return
    try:
        wraps = parse_wraps(note, state.scope)
        if not wraps.history:
            raise FormError("absent")
        key = epoch_keys(umks[epoch], state.scope, epoch)[0]
        umk = open_box(key, wraps.history, history_aad(state.scope, epoch, wraps.earlier))
        umks.setdefault(wraps.earlier, check_umk(sized(umk, 32), state, wraps.earlier))
        if wraps.earlier < epoch - 1:
            raise FormError("of an earlier epoch than the one before")
    except (FormError, DecryptError) as error:
        problems.append(problem(note, "history box: " + (str(error) or "does not open")))


def problem(note, message):
    return {"seq": note.seq, "epoch": note.epoch, "problem": message}


# --- Content (D4, D8) -----------------------------------------------------------------------------------------------

@dataclass
class Content:
    live: bool
    media_type: str
    body: bytes
    lamport: int


def padded_length(length):
    """D4: at least 256, otherwise Padmé."""
    if length <= 256:
        return 256
    e = length.bit_length() - 1
    step = 1 << e - e.bit_length()  # S = floor(log2 E) + 1 = bit length of E
    return -(-length // step) * step


def pack_plaintext(f):
    start = b"\x02" + u32(len(f)) + f
    return start.ljust(padded_length(len(start)), b"\0")


def unpack_plaintext(plaintext):
    if len(plaintext) < 5 or plaintext[0] != 2:
        raise FormError
    f = plaintext[5:5 + int.from_bytes(plaintext[1:5], "big")]
    if pack_plaintext(f) != plaintext:  # refuses other lengths and padding that is not zero
        raise FormError
    return parse_fields(f, 7)


def open_content(change, umk, scope):
    """D8, "Content". Every failure makes the content void."""
    try:
        dek = sized(open_box(umk, change.dek, dek_aad(change.type, change.id)), 32)
        plaintext = open_box(dek, change.box, record_aad(scope[1], change.type, change.id))
        return check_content(change, unpack_plaintext(plaintext))
    except (FormError, DecryptError):
        raise Void("content") from None


def check_content(change, parts):
    version, parent, device, lamport = number(parts[0], 8), sized(parts[1], 32), text(parts[2]), number(parts[3], 8)
    flag, media_type, body = parts[4], text(parts[5]), parts[6]
    if (version, parent, device) != (change.version, change.parent, change.signer):
        raise FormError
    if lamport > LAMPORT_FACTOR * change.seq or flag not in (b"\0", b"\1"):
        raise FormError
    live = flag == b"\1"
    if not (MEDIA_TYPE_FORM.fullmatch(media_type) if live else media_type == "" and body == b""):
        raise FormError
    return Content(live, media_type, body, lamport)


def read_record(changes, umks, scope, void_changes):
    """The newest change with content that is not void. A change of an epoch without UMK is not decided (D5, D8)."""
    record = {"type": changes[-1].type, "id": changes[-1].id, "version": changes[-1].version}
    voids, found = [], {"state": "void"}
    for change in reversed(changes):
        if change.epoch not in umks:
            found = {"state": "no_key"}
            break
        try:
            found = describe(change, open_content(change, umks[change.epoch], scope))
            break
        except Void as void:
            voids.append({"seq": change.seq, "index": change.index, "type": change.type, "id": change.id,
                          "version": change.version, "reason": str(void)})
    void_changes.extend(reversed(voids))
    return record | found


def describe(change, content):
    result = {"state": "live" if content.live else "tombstone", "contentVersion": change.version,
              "device": change.signer, "lamport": content.lamport, "mediaType": content.media_type or None}
    if not content.live:
        return result
    try:
        return result | {"encoding": "utf-8", "body": content.body.decode("utf-8")}
    except UnicodeDecodeError:
        return result | {"encoding": "base64", "body": b64(content.body)}


def open_label(member, umks, scope):
    """D3. A label that does not open is null."""
    if not member.label or member.label_epoch not in umks:
        return None
    epoch = member.label_epoch
    try:
        key = label_key(umks[epoch], scope, epoch)
        return text(open_box(key, member.label, label_aad(scope, epoch, member.id)))
    except (FormError, DecryptError):
        return None


# --- Recovery (D10) -------------------------------------------------------------------------------------------------

def recovery_code(secret):
    return grouped(base32(secret + sha256(fields("anima:recovery-code:v1", secret))[:4]))


def recovery_secret(code):
    """The 16 bytes of a typed code, or FormError."""
    typed = normalize_code(code)
    data = unbase32(typed) if len(typed) == 32 else b""
    if len(data) != 20 or sha256(fields("anima:recovery-code:v1", data[:16]))[:4] != data[16:]:
        raise FormError
    return data[:16]


def recovery_box_key(secret, scope):
    return hkdf(secret, b"", fields("anima:recovery:v1", *scope), 32)


def recovery_box_aad(scope):
    return fields("anima:recovery-box:v1", *scope)


@dataclass
class RecoveryBox:
    genesis: bytes
    seq: int
    head: bytes
    epoch: int
    umk: bytes
    ecdh: bytes
    ecdh_scalar: bytes
    ecdsa: bytes
    ecdsa_scalar: bytes
    hash: bytes


def open_recovery_box(box, secret, scope):
    plaintext = open_box(recovery_box_key(secret, scope), box, recovery_box_aad(scope))
    parts = parse_fields(plaintext, 9)
    sizes = (32, 8, 32, 4, 32, 65, 32, 65, 32)
    for part, size in zip(parts, sizes):
        sized(part, size)
    parts[1], parts[3] = number(parts[1], 8), number(parts[3], 4)
    opened = RecoveryBox(*parts, sha256(box))
    if public_point(opened.ecdh_scalar) != opened.ecdh or public_point(opened.ecdsa_scalar) != opened.ecdsa:
        raise FormError
    return opened


def check_recovery(state, box):
    """D10: what the new device requires of the verified chain. Returns the id of the recovery member."""
    require(state.entry_hashes[:1] == [box.genesis], "entry 1 does not have the genesis hash")
    require(0 < box.seq <= state.head_seq, "the head of the box is not in the chain")
    require(state.entry_hashes[box.seq - 1] == box.head, "the entry of the head's seq has another hash")
    member, box_hash, epoch = state.recoveries.get(box.seq + 1, (None, None, None))
    require(member is not None, "the next entry makes no recovery member")
    require((member.ecdh, member.ecdsa) == (box.ecdh, box.ecdsa), "the next entry has other keys")
    require(box_hash == box.hash, "the next entry has the hash of another box")
    require(epoch == box.epoch, "the epoch of the box is not that of the next entry")
    require(epoch_keys(box.umk, state.scope, epoch)[1] == state.commitments[epoch], "the UMK has another commitment")
    require(member.id in state.members, "the keys are no longer the recovery member")
    return member.id


def require(condition, message):
    if not condition:
        raise RecoveryRefused(message)


# --- The file of a vault ---------------------------------------------------------------------------------------------

def read_vault(vault):
    state = State((vault["org"], vault["user"], vault["vault"]))
    stop = read_chain(state, vault["entries"])
    report = {"stop": stop, "head": {"seq": state.head_seq, "hash": state.head_hash.hex()}}
    umks, problems = {}, []
    try:
        reader, scalar = reader_keys(state, vault)
        report["reader"] = {"id": reader, "isMember": reader in state.members, "wasMember": reader in state.used_ids}
        umks, problems = open_epochs(state, reader, scalar)
    except RecoveryRefused as refused:
        report["refused"] = str(refused)
    except (FormError, DecryptError):
        report["refused"] = "cannot decrypt"  # one error (D introduction)
    return report | describe_state(state, umks, problems)


def read_chain(state, entries):
    for item in entries:
        try:
            wraps = unb64(item["wraps"]) if item.get("wraps") is not None else None
        except FormError:
            wraps = None
        try:
            # "entry" is `signed`. Base64 that is not canonical counts as malformed (S2).
            verify_next(state, unb64(item["entry"]), wraps)
        except FormError:
            return {"seq": state.head_seq + 1, "reason": "malformed"}
        except Stop as stop:
            return {"seq": state.head_seq + 1, "reason": str(stop)}
    return None


def reader_keys(state, vault):
    """The member id and the ECDH scalar of the device or of the recovery member."""
    if "device" in vault:
        scalar, signing = (bytes.fromhex(vault["device"][k]) for k in ("ecdh", "ecdsa"))
        return device_id(public_point(scalar), public_point(signing)), scalar
    secret = recovery_secret(vault["recoveryCode"])
    box = open_recovery_box(unb64(vault["recoveryBox"]), secret, state.scope)
    return check_recovery(state, box), box.ecdh_scalar


def describe_state(state, umks, problems):
    voids = list(state.void_changes)
    records = [read_record(state.records[key], umks, state.scope, voids)
               for key in sorted(state.records, key=lambda k: f"{k[0]}:{k[1]}")]
    return {
        "epoch": state.epoch, "closed": state.closed, "rotationDue": state.rotation_due,
        "members": [{"id": m.id, "role": m.role, "label": open_label(m, umks, state.scope)}
                    for _, m in sorted(state.members.items())],
        "epochs": [{"epoch": e, "commitment": c.hex(), "hasKey": e in umks} for e, c in state.commitments.items()],
        "keyProblems": problems,
        "records": records,
        "voidEntries": state.void_entries,
        "voidChanges": sorted(voids, key=lambda v: (v["seq"], v["index"])),
    }


def main(arguments):
    if len(arguments) != 1:
        print(__doc__, file=sys.stderr)
        return 2
    with open(arguments[0], encoding="utf-8") as file:
        report = read_vault(json.load(file))
    print(json.dumps(report, indent=2, ensure_ascii=False))
    return 1 if report["stop"] or "refused" in report else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
