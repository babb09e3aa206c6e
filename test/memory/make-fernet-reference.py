"""The reference implementation of Fernet (pyca/cryptography) under the published derivation, for test/memory/fernet.test.ts.

python3 make-reference.py make   writes fernet-reference.txt, a token a line, and fernet-reference.json beside it: the key, the
                                 user id, and of each line the plaintext (base64) and the time.
python3 make-reference.py open   reads {"apiKey", "userId", "tokens"} from standard input and writes the plaintexts (base64) as JSON;
                                 null for a token that does not open.
"""

import base64
import json
import pathlib
import sys

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF


def fernet_of(api_key: str, user_id: str) -> Fernet:
    hkdf = HKDF(algorithm=SHA256(), length=32, salt=user_id.encode(), info=b"smtry-at-rest-v1")
    return Fernet(base64.urlsafe_b64encode(hkdf.derive(api_key.encode())))


def make() -> None:
    api_key = "anm_" + base64.urlsafe_b64encode(bytes(range(32))).decode().rstrip("=")
    user_id = "6f1c2f6e-0b3f-4a53-9a52-2f5f0a4b8d11"
    records = [
        {"likes": "green tea"},
        {"text": "größer 🍵 ｔｅａ", "nested": [[{"a": None}], 1.5, -0.0, True]},
        "a text by itself",
        [],
        {},
        {"long": "x" * 5_000},
    ]
    plaintexts = [json.dumps(record, ensure_ascii=n % 2 == 0).encode() for n, record in enumerate(records)]
    plaintexts += [b"", b"15 bytes, no pa", b"16 bytes, a pad.", bytes(range(256))]
    fernet = fernet_of(api_key, user_id)
    times = [1_700_000_000 + 86_400 * n for n in range(len(plaintexts))]
    tokens = [fernet.encrypt_at_time(plain, time).decode() for plain, time in zip(plaintexts, times)]
    lines = [{"plaintext": base64.b64encode(plain).decode(), "time": time} for plain, time in zip(plaintexts, times)]
    here = pathlib.Path(__file__).parent
    (here / "fernet-reference.txt").write_text("".join(token + "\n" for token in tokens))
    said = {"apiKey": api_key, "userId": user_id, "lines": lines}
    (here / "fernet-reference.json").write_text(json.dumps(said, indent=2) + "\n")


def open_all() -> None:
    said = json.load(sys.stdin)
    fernet = fernet_of(said["apiKey"], said["userId"])

    def opened(token: str) -> str | None:
        try:
            return base64.b64encode(fernet.decrypt(token)).decode()
        except InvalidToken:
            return None

    json.dump([opened(token) for token in said["tokens"]], sys.stdout)


{"make": make, "open": open_all}[sys.argv[1]]()
