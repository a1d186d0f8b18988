"""The audit bucket, read and judged without any of the operator's code.

Signatures are checked by OpenSSL's command line, canonical form by Python's json, locks by the
store's own answers.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError
from stageinstall.places import Store

PAYLOAD_TYPE = "application/vnd.in-toto+json"
_ULID = re.compile(r"[0-7][0-9A-HJKMNP-TV-Z]{25}")
_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


@dataclass(frozen=True)
class Record:
    """One object of a ledger: its bytes as they lie in the bucket, and what they say."""

    key: str
    version_id: str
    modified: datetime
    envelope: bytes
    payload: bytes
    predicate: dict[str, Any]

    @property
    def kind(self) -> str:
        return str(self.predicate["kind"])

    @property
    def code(self) -> str:
        """Why something ended; empty for what is no end."""
        return str(self.predicate.get("code", ""))

    @property
    def moves(self) -> dict[str, str]:
        """Which versions a Concluded record moved, and where to."""
        moves = self.predicate.get("moves", [])
        return {move["to"]["version"]: move["to"]["stage"] for move in moves}

    @property
    def sequence(self) -> int:
        return int(self.predicate["seq"])

    @property
    def digest(self) -> str:
        return "sha256:" + hashlib.sha256(self.envelope).hexdigest()

    @property
    def request_uid(self) -> str:
        return str(self.predicate.get("promotionRequest", {}).get("uid", ""))

    @property
    def put_at(self) -> datetime:
        """When the store took it: by the ULID that its version id is, or else LastModified."""
        if not _ULID.fullmatch(self.version_id):
            return self.modified
        number = 0
        for letter in self.version_id[:10]:
            number = number * 32 + _CROCKFORD.index(letter)
        return datetime.fromtimestamp(number / 1000, UTC)

    def __str__(self) -> str:
        to = self.predicate.get("to", {}).get("version", "")
        parts = (self.sequence, self.kind, to, self.code, self.predicate.get("text", ""))
        return " ".join(str(part) for part in parts if part)


class Ledgers:
    """All ledgers of one cluster."""

    def __init__(self, store: Store, cluster_uid: str, public_key: Path) -> None:
        self._store = store
        self._cluster = cluster_uid
        self._key = public_key
        self.bucket = store.audit_bucket
        self._auditor = s3_client(store, "AUDIT")

    def prefix(self, ns: str, kind: str, name: str) -> str:
        return f"v1/{self._cluster}/{ns}/{kind}/{name}/rec/"

    def records(self, ns: str, kind: str, name: str) -> list[Record]:
        """The records of a ledger ("target" or "model"), oldest first; nothing is judged yet."""
        prefix = self.prefix(ns, kind, name)
        pages = self._auditor.get_paginator("list_object_versions").paginate(
            Bucket=self.bucket, Prefix=prefix
        )
        found = []
        for page in pages:
            markers = [each["Key"] for each in page.get("DeleteMarkers", [])]
            assert not markers, f"delete markers over records: {markers}"
            found += page.get("Versions", [])
        return [self._read(each) for each in sorted(found, key=lambda each: each["Key"])]

    def of_request(self, ns: str, kind: str, name: str, uid: str) -> list[Record]:
        """The records of one request in a ledger."""
        return [record for record in self.records(ns, kind, name) if record.request_uid == uid]

    def _read(self, listed: dict[str, Any]) -> Record:
        got = self._auditor.get_object(
            Bucket=self.bucket, Key=listed["Key"], VersionId=listed["VersionId"]
        )
        envelope = got["Body"].read()
        payload = base64.b64decode(json.loads(envelope)["payload"], validate=True)
        return Record(
            key=listed["Key"],
            version_id=listed["VersionId"],
            modified=listed["LastModified"],
            envelope=envelope,
            payload=payload,
            predicate=json.loads(payload)["predicate"],
        )

    def check(self, ns: str, kind: str, name: str) -> list[Record]:
        """Asserts that a ledger is whole, chained, signed and locked; returns its records."""
        records = self.records(ns, kind, name)
        previous = ""
        for place, record in enumerate(records, start=1):
            about = f"{record.key} ({record})"
            assert record.key == self.prefix(ns, kind, name) + f"{place:020d}.json", about
            assert record.sequence == place, about
            assert record.predicate.get("prev", "") == previous, f"{about}: prev"
            assert record.predicate["cluster"] == self._cluster, about
            assert record.predicate["ledger"] == f"{ns}/{kind}/{name}", about
            self.check_signature(record)
            self.check_lock(record)
            previous = record.digest
        if records:
            assert records[0].kind == "Genesis", f"the first record is {records[0]}"
        return records

    def check_signature(self, record: Record) -> None:
        """DSSE with one Ed25519 signature over exactly this payload, in canonical JSON."""
        envelope = json.loads(record.envelope)
        assert envelope["payloadType"] == PAYLOAD_TYPE
        assert canonical(envelope) == record.envelope, f"{record.key}: envelope is not canonical"
        statement = json.loads(record.payload)
        assert canonical(statement) == record.payload, f"{record.key}: payload is not canonical"
        assert statement["_type"] == "https://in-toto.io/Statement/v1"
        (signature,) = envelope["signatures"]
        der = _openssl("pkey", "-pubin", "-in", str(self._key), "-outform", "DER")
        assert signature["keyid"] == "sha256:" + hashlib.sha256(der).hexdigest()
        assert self.verifies(record.payload, base64.b64decode(signature["sig"])), (
            f"{record.key}: the signature does not hold"
        )

    def verifies(self, payload: bytes, signature: bytes) -> bool:
        """Whether the public key verifies a signature over DSSE's encoding of a payload."""
        encoded = b"DSSEv1 %d %s %d %s" % (
            len(PAYLOAD_TYPE),
            PAYLOAD_TYPE.encode(),
            len(payload),
            payload,
        )
        with tempfile.TemporaryDirectory() as folder:
            message, sig = Path(folder) / "message", Path(folder) / "signature"
            message.write_bytes(encoded)
            sig.write_bytes(signature)
            done = subprocess.run(
                [
                    "openssl",
                    "pkeyutl",
                    "-verify",
                    "-rawin",
                    "-pubin",
                    "-inkey",
                    self._key,
                    "-in",
                    message,
                    "-sigfile",
                    sig,
                ],
                capture_output=True,
                check=False,
            )
        return done.returncode == 0

    def retention(self, record: Record) -> dict[str, Any]:
        """The store's own word about the lock: Mode and RetainUntilDate."""
        answer = self._auditor.get_object_retention(
            Bucket=self.bucket, Key=record.key, VersionId=record.version_id
        )
        kept: dict[str, Any] = answer["Retention"]
        return kept

    def check_lock(self, record: Record) -> None:
        """Locked in COMPLIANCE mode at least until the time that the record itself names."""
        kept = self.retention(record)
        assert kept["Mode"] == "COMPLIANCE", f"{record.key}: {kept}"
        promised = datetime.fromisoformat(record.predicate["times"]["retainUntil"])
        assert (promised - kept["RetainUntilDate"]).total_seconds() <= 1, f"{record.key}: {kept}"
        assert kept["RetainUntilDate"] > datetime.now(UTC), f"{record.key}: the lock has run out"


def canonical(value: Any) -> bytes:
    """RFC 8785 for values without numbers beyond small integers, which records are made of."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def s3_client(store: Store, account: str) -> Any:
    """A boto3 client for ROOT, AUDIT, MODELS_READER or MODELS_WRITER."""
    access, secret = store.keys(account)
    return boto3.client(
        "s3",
        endpoint_url=store.endpoint,
        region_name=store.region,
        verify=str(store.ca_file),
        aws_access_key_id=access,
        aws_secret_access_key=secret,
        config=Config(
            s3={"addressing_style": "path"},
            connect_timeout=5,
            read_timeout=20,
            retries={"max_attempts": 3},
            # Else bodies are sent in chunks, and a store may answer and close before the end.
            request_checksum_calculation="when_required",
        ),
    )


def status_of(action: Callable[..., Any], **arguments: Any) -> int:
    """The HTTP status with which the store answers."""
    try:
        answer = action(**arguments)
    except ClientError as error:
        return int(error.response["ResponseMetadata"]["HTTPStatusCode"])
    return int(answer["ResponseMetadata"]["HTTPStatusCode"])


def _openssl(*arguments: str) -> bytes:
    return subprocess.run(["openssl", *arguments], capture_output=True, check=True).stdout
