"""Recomputes test/vectors/sessions/x3dh-double-ratchet.json with foreign implementations.

X3DH and DoubleRatchet (PyPI) are the protocols, cryptography is ML-KEM-768, HKDF and X25519, PyNaCl (libsodium) is
XChaCha20-Poly1305 and BLAKE2b. Nothing of this project is used. Only the encapsulation is random, so its ciphertext is
read from the file.

    python recompute_vectors.py FILE          compares, and fails if a byte differs
    python recompute_vectors.py FILE --write  writes the file anew
"""
import asyncio
import hashlib
import json
import struct
import sys
from unittest import mock

import nacl.bindings
import x3dh
import x3dh.base_state
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from doubleratchet import AEAD, AuthenticationFailedException, DoubleRatchet, EncryptedMessage, Header
from doubleratchet.recommended import HashFunction, diffie_hellman_ratchet_curve25519, kdf_hkdf, kdf_separate_hmacs
from x3dh.identity_key_pair import IdentityKeyPairPriv

MESSAGES = 40
ORG = b"0123456789abcdef"


class Random:
    """All random values follow from a name."""

    def __init__(self, name):
        self.name, self.count = name, 0

    def __call__(self, length=32):
        self.count += 1
        return hashlib.shake_256(f"anima sessions {self.name} {self.count}".encode()).digest(length)

    def below(self, limit):
        return int.from_bytes(self(8), "big") % limit


def clamped(secret):
    """XEdDSA works with clamped scalars; X25519 clamps by itself."""
    return bytes([secret[0] & 248]) + secret[1:31] + bytes([secret[31] & 127 | 64])


def public(secret):
    return X25519PrivateKey.from_private_bytes(secret).public_key().public_bytes_raw()


def u32(number):
    return struct.pack(">I", number)


def fields(*parts):
    return b"".join(u32(len(part)) + part for part in parts)


def blake2b(data):
    return nacl.bindings.crypto_generichash_blake2b_salt_personal(data, digest_size=32)


# X3DH


class State(x3dh.BaseState):
    @staticmethod
    def _encode_public_key(key_format, pub):
        return pub


def create_state(secret, *draws):
    """A party, with its signed prekey, the nonce of the signature, and its one-time prekey."""
    with mock.patch.object(x3dh.base_state.secrets, "token_bytes", side_effect=list(draws)):
        state = State.create(
            x3dh.IdentityKeyFormat.CURVE_25519,
            x3dh.HashFunction.SHA_256,
            b"anima:x3dh:v1",
            IdentityKeyPairPriv(secret),
        )
        for _ in draws[2:]:
            state.generate_pre_keys(1)
        return state


def injecting(kem_secret):
    """The library fixes the input of its HKDF. The secret of the KEM is appended there."""
    derive = x3dh.base_state.CryptoProviderImpl.hkdf_derive

    async def derive_with_secret(hash_function, length, salt, info, key_material):
        return await derive(hash_function, length, salt, info, key_material + kem_secret)

    return mock.patch.object(x3dh.base_state.CryptoProviderImpl, "hkdf_derive", derive_with_secret)


async def agree(initiator, bundle, responder, ephemeral, kem_secret):
    with mock.patch.object(x3dh.base_state.secrets, "token_bytes", return_value=ephemeral), injecting(kem_secret):
        active, _, header = await initiator.get_shared_secret_active(bundle, require_pre_key=False)
        passive, _, _ = await responder.get_shared_secret_passive(header, require_pre_key=False)
    assert active == passive
    return active


# Double Ratchet


class RootKDF(kdf_hkdf.KDF):
    @staticmethod
    def _get_hash_function():
        return HashFunction.SHA_256

    @staticmethod
    def _get_info():
        return b"anima:dr:v1:root"


class ChainKDF(kdf_separate_hmacs.KDF):
    @staticmethod
    def _get_hash_function():
        return HashFunction.SHA_256


class XChaCha(AEAD):
    nonce = b""

    @staticmethod
    def key_of(message_key):
        return HKDF(hashes.SHA256(), 32, bytes(32), b"anima:dr:v1:message").derive(message_key)

    @staticmethod
    async def encrypt(plaintext, key, associated_data):
        seal = nacl.bindings.crypto_aead_xchacha20poly1305_ietf_encrypt
        return XChaCha.nonce + seal(plaintext, associated_data, XChaCha.nonce, XChaCha.key_of(key))

    @staticmethod
    async def decrypt(ciphertext, key, associated_data):
        open_ = nacl.bindings.crypto_aead_xchacha20poly1305_ietf_decrypt
        try:
            return open_(ciphertext[24:], associated_data, ciphertext[:24], XChaCha.key_of(key))
        except Exception as error:
            raise AuthenticationFailedException() from error


def encode_header(header):
    return header.ratchet_pub + u32(header.previous_sending_chain_length) + u32(header.sending_chain_length)


class Ratchet(DoubleRatchet):
    @staticmethod
    def _build_associated_data(associated_data, header):
        return associated_data + encode_header(header)


class Party:
    def __init__(self, name, associated_data, prefix):
        self.name, self.ad, self.prefix, self.ratchet = name, associated_data, prefix, None
        self.draw, self.secrets = Random(f"ratchet keys of {name}"), []
        party = self

        class KeyRatchet(diffie_hellman_ratchet_curve25519.DiffieHellmanRatchet):
            @staticmethod
            def _generate_priv():
                party.secrets.append(party.draw())
                return party.secrets[-1]

        self.settings = {
            "diffie_hellman_ratchet_class": KeyRatchet,
            "root_chain_kdf": RootKDF,
            "message_chain_kdf": ChainKDF,
            "message_chain_constant": b"\x02\x01",
            "dos_protection_threshold": 1000,
            "max_num_skipped_message_keys": 2000,
            "aead": XChaCha,
        }

    async def send(self, first, plaintext, nonce):
        XChaCha.nonce = nonce
        if self.ratchet is None:
            self.ratchet, message = await Ratchet.encrypt_initial_message(
                **self.settings, **first, message=plaintext, associated_data=self.ad + self.prefix
            )
        else:
            message = await self.ratchet.encrypt_message(plaintext, self.ad + self.prefix)
        return self.prefix + encode_header(message.header) + message.ciphertext

    async def receive(self, first, frame, prefix_length):
        head = frame[prefix_length : prefix_length + 40]
        header = Header(head[:32], *struct.unpack(">II", head[32:]))
        message = EncryptedMessage(header, frame[prefix_length + 40 :])
        prefix = frame[:prefix_length]
        if self.ratchet is None:
            self.ratchet, plaintext = await Ratchet.decrypt_initial_message(
                **self.settings, **first, message=message, associated_data=self.ad + prefix
            )
        else:
            plaintext = await self.ratchet.decrypt_message(message, self.ad + prefix)
        self.prefix = b"\x01\x01\x03"
        return plaintext


async def transcript(shared_key, associated_data, handshake_prefix, spk_secret):
    """Messages in both directions. About a third arrives late, and a tenth never."""
    draw = Random("transcript")
    parties = {
        "A": Party("A", associated_data, handshake_prefix),
        "B": Party("B", associated_data, b"\x01\x01\x03"),
    }
    starts = {
        "A": {"shared_secret": shared_key, "recipient_ratchet_pub": public(spk_secret)},
        "B": {"shared_secret": shared_key, "own_ratchet_priv": spk_secret},
    }
    events, pending, sent = [], [], 0
    while sent < MESSAGES or pending:
        late = pending and (sent == MESSAGES or draw.below(5) < 3)
        if late:
            entry = pending.pop(draw.below(len(pending)) if draw.below(2) == 0 else 0)
            number, sender, frame, plaintext = entry
            if number != 0 and draw.below(10) == 0:
                continue
            receiver = "B" if sender == "A" else "A"
            length = 3 if frame[2] == 3 else len(handshake_prefix)
            assert await parties[receiver].receive(starts[receiver], frame, length) == plaintext
            events.append({"deliver": number, "by": receiver})
        else:
            sender = "A" if parties["B"].ratchet is None or draw.below(2) == 0 else "B"
            plaintext, nonce = draw(1 + draw.below(300)), draw(24)
            frame = await parties[sender].send(starts[sender], plaintext, nonce)
            events.append(
                {"send": sent, "by": sender, "plaintext": plaintext.hex(), "nonce": nonce.hex(), "frame": frame.hex()}
            )
            pending.append((sent, sender, frame, plaintext))
            sent += 1
    return {
        "ratchetSecrets": {name: [secret.hex() for secret in party.secrets] for name, party in parties.items()},
        "events": events,
    }


async def compute(kem_ciphertext):
    draw = Random("keys")
    secrets = {name: clamped(draw()) for name in ("dhA", "dhB", "spk", "opk", "ephemeral")}
    iks, seed = {"A": draw(), "B": draw()}, draw(64)
    kem = MLKEM768PrivateKey.from_seed_bytes(seed)
    kem_key = kem.public_key().public_bytes_raw()
    if kem_ciphertext is None:
        _, kem_ciphertext = kem.public_key().encapsulate()
    kem_secret = kem.decapsulate(kem_ciphertext)
    ids = {"spk": 5, "kem": 6, "opk": 70_000}

    handshakes = []
    for opk in (True, False):
        initiator = create_state(secrets["dhA"], draw(), draw(64))
        pre_keys = [secrets["opk"]] if opk else []
        responder = create_state(secrets["dhB"], secrets["spk"], draw(64), *pre_keys)
        arguments = (initiator, responder.bundle, responder, secrets["ephemeral"])
        associated_data = fields(
            b"anima:dr:v1", ORG, iks["A"], public(secrets["dhA"]), iks["B"], public(secrets["dhB"]),
            u32(ids["spk"]), public(secrets["spk"]), u32(ids["kem"]), kem_key,
            u32(ids["opk"]) if opk else b"", public(secrets["opk"]) if opk else b"",
            public(secrets["ephemeral"]), kem_ciphertext,
        )  # fmt: skip
        handshakes.append(
            {
                "hasOneTimeKey": opk,
                "sharedKey": (await agree(*arguments, kem_secret)).hex(),
                "sharedKeyWithoutKem": (await agree(*arguments, b"")).hex(),
                "associatedData": associated_data.hex(),
                "sessionId": blake2b(associated_data)[:16].hex(),
            }
        )

    device_id = blake2b(fields(b"anima:device:v1", ORG, iks["A"], public(secrets["dhA"])))[:16]
    with_key = handshakes[0]
    prefix = (
        b"\x01\x01\x02" + public(secrets["ephemeral"]) + device_id
        + u32(ids["spk"]) + u32(ids["kem"]) + u32(ids["opk"]) + kem_ciphertext
    )  # fmt: skip
    return {
        "source": "test/sessions/python-oracle/recompute_vectors.py: PyPI X3DH 1.3.0, DoubleRatchet 1.3.0, "
        "cryptography, PyNaCl",
        "org": ORG.decode(),
        "ids": ids,
        "secrets": {name: secret.hex() for name, secret in secrets.items()},
        "iks": {name: key.hex() for name, key in iks.items()},
        "kem": {
            "seed": seed.hex(),
            "key": kem_key.hex(),
            "ciphertext": kem_ciphertext.hex(),
            "secret": kem_secret.hex(),
        },
        "deviceIdOfA": device_id.hex(),
        "handshakes": handshakes,
        "transcript": await transcript(
            bytes.fromhex(with_key["sharedKey"]), bytes.fromhex(with_key["associatedData"]), prefix, secrets["spk"]
        ),
    }


def main(path, write=False):
    try:
        with open(path, encoding="utf-8") as file:
            stored = file.read()
    except FileNotFoundError:
        stored = None
    ciphertext = None if stored is None else bytes.fromhex(json.loads(stored)["kem"]["ciphertext"])
    computed = json.dumps(asyncio.run(compute(ciphertext)), indent=1) + "\n"
    if write:
        with open(path, "w", encoding="utf-8") as file:
            file.write(computed)
    elif computed != stored:
        sys.exit("the vectors differ")
    events = json.loads(computed)["transcript"]["events"]
    print(f"2 handshakes, {sum('send' in e for e in events)} messages, {sum('deliver' in e for e in events)} deliveries")


if __name__ == "__main__":
    main(sys.argv[1], "--write" in sys.argv[2:])
