"""What may be pinned, and what is refused."""

import pytest

from model_server.pin import Pin, PinError, pin_from_env

DIGEST = "sha256:" + "a" * 64
PINNED = {
    "MODEL_VERSION": "47",
    "MODEL_URI": "s3://models/credit-risk/47/model.json",
    "MODEL_DIGEST": DIGEST,
}


def test_a_complete_pin_is_read() -> None:
    expected = Pin("47", PINNED["MODEL_URI"], DIGEST, "credit-risk")
    assert pin_from_env(PINNED | {"MODEL_NAME": "credit-risk"}) == expected


def test_no_pin_variable_is_no_pin() -> None:
    assert pin_from_env({"MODEL_NAME": "credit-risk", "PATH": "/bin"}) is None


@pytest.mark.parametrize("name", PINNED)
def test_half_a_pin_is_refused(name: str) -> None:
    with pytest.raises(PinError, match=f"{name} not set"):
        pin_from_env({key: value for key, value in PINNED.items() if key != name})


@pytest.mark.parametrize("name", PINNED)
def test_an_empty_variable_is_refused_and_not_taken_for_unpinned(name: str) -> None:
    with pytest.raises(PinError, match=name):
        pin_from_env(PINNED | {name: ""})


@pytest.mark.parametrize(
    "version",
    ["latest", "champion", "prod", "production", "stable", "staging", "Latest", "47@champion"],
)
def test_an_alias_is_no_version(version: str) -> None:
    with pytest.raises(PinError, match="an alias"):
        pin_from_env(PINNED | {"MODEL_VERSION": version})


@pytest.mark.parametrize("version", ["0", "047", "-1", "4.7", "v47", "47 ", "47\n", "1" * 16, "٤٧"])
def test_a_version_is_a_plain_number(version: str) -> None:
    with pytest.raises(PinError, match="pin a version number"):
        pin_from_env(PINNED | {"MODEL_VERSION": version})


@pytest.mark.parametrize(
    "uri",
    [
        "s3://models/credit-risk/latest/model.json",
        "s3://models/credit-risk/%6catest/model.json",
        "s3://models/credit-risk/Production/model.json",
        "models:/credit-risk@champion",
        "s3://models/credit-risk%40champion/model.json",
    ],
)
def test_a_uri_through_an_alias_is_refused(uri: str) -> None:
    with pytest.raises(PinError, match="goes through the alias"):
        pin_from_env(PINNED | {"MODEL_URI": uri})


@pytest.mark.parametrize(
    "uri",
    ["https://models/47", "models:/credit-risk/47", "/47/model.json", "s3:///47", "s3://models/"],
)
def test_a_uri_of_another_kind_is_refused(uri: str) -> None:
    with pytest.raises(PinError, match="MODEL_URI is"):
        pin_from_env(PINNED | {"MODEL_URI": uri})


@pytest.mark.parametrize("digest", ["a" * 64, "sha256:" + "A" * 64, "sha256:abc", DIGEST + "0"])
def test_a_digest_is_sha256_in_lower_case_hex(digest: str) -> None:
    with pytest.raises(PinError, match="MODEL_DIGEST is"):
        pin_from_env(PINNED | {"MODEL_DIGEST": digest})
