"""Posting with tokens of a local OpenID Connect issuer with a test key."""

import base64
import hmac
import json
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from starlette.testclient import TestClient

from api.app import create_app
from api.messages import Message, Page

AUDIENCE = "messages"
KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
OTHER_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
CURVE_KEY = ec.generate_private_key(ec.SECP256R1())


class Issuer:
    """An issuer on its own port, which counts the requests for its keys."""

    def __init__(self) -> None:
        self.reads = 0
        self.available = True
        self.name: str | None = None
        issuer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                documents = {"/.well-known/openid-configuration": issuer.configuration, "/keys": issuer.keys}
                found = documents.get(self.path)
                self.send_response(200 if found and issuer.available else 503)
                self.end_headers()
                if found and issuer.available:
                    self.wfile.write(json.dumps(found()).encode())

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.server.server_port}"

    def configuration(self) -> dict:
        return {"issuer": self.name or self.address, "jwks_uri": f"{self.address}/keys"}

    def keys(self) -> dict:
        self.reads += 1
        rsa_key = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(KEY.public_key()))
        curve_key = json.loads(jwt.algorithms.ECAlgorithm.to_jwk(CURVE_KEY.public_key()))
        return {"keys": [{**rsa_key, "kid": "rsa", "use": "sig"}, {**curve_key, "kid": "curve", "use": "sig"}]}


class Store:
    def add(self, message: Message) -> None:
        pass

    def newest(self, limit: int, before: str | None) -> Page:
        return Page([], None)


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    issuer = Issuer()
    thread = Thread(target=issuer.server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield issuer
    issuer.server.shutdown()
    issuer.server.server_close()
    thread.join()


@pytest.fixture
def client(issuer: Issuer, monkeypatch: pytest.MonkeyPatch) -> TestClient:
    monkeypatch.setenv("AUTH_ISSUER", issuer.address)
    monkeypatch.setenv("AUTH_AUDIENCE", AUDIENCE)
    return TestClient(create_app(Store(), "aws"))


def token(issuer: Issuer, key: object = KEY, algorithm: str = "RS256", kid: str = "rsa", **claims: object) -> str:
    usual = {"iss": issuer.address, "aud": AUDIENCE, "sub": "ada", "exp": time.time() + 300}
    present = {name: value for name, value in {**usual, **claims}.items() if value is not None}
    return jwt.encode(present, key, algorithm, headers={"kid": kid})


def post(client: TestClient, authorization: str | None) -> tuple[int, str | None, str | None]:
    headers = {"Authorization": authorization} if authorization is not None else {}
    answer = client.post("/api/messages/", json={"content": "hello", "author": "Ada"}, headers=headers)
    return answer.status_code, answer.headers.get("www-authenticate"), answer.json().get("detail")


def test_without_an_issuer_no_token_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AUTH_ISSUER", raising=False)
    assert post(TestClient(create_app(Store(), "aws")), None)[0] == 201


def test_a_token_of_the_issuer_is_accepted(client: TestClient, issuer: Issuer) -> None:
    assert post(client, f"Bearer {token(issuer)}")[0] == 201
    assert post(client, f"bearer {token(issuer, key=CURVE_KEY, algorithm='ES256', kid='curve')}")[0] == 201


def test_reading_needs_no_token(client: TestClient) -> None:
    assert client.get("/api/messages/").status_code == 200
    assert client.get("/api/").status_code == 200


@pytest.mark.parametrize("authorization", [None, "", "Bearer", "Bearer ", "Basic YTpi"])
def test_a_missing_token_is_asked_for(client: TestClient, issuer: Issuer, authorization: str | None) -> None:
    assert post(client, authorization) == (401, "Bearer", "a bearer token is needed")
    assert issuer.reads == 0


@pytest.mark.parametrize(
    "claims",
    [
        {"exp": 1},
        {"exp": None},
        {"aud": "another"},
        {"aud": None},
        {"iss": "https://another.example"},
        {"iss": None},
        {"nbf": time.time() + 300},
    ],
    ids=str,
)
def test_a_token_with_wrong_claims_is_refused(client: TestClient, issuer: Issuer, claims: dict) -> None:
    status, challenge, detail = post(client, f"Bearer {token(issuer, **claims)}")
    assert (status, challenge) == (401, 'Bearer error="invalid_token"')
    assert detail.startswith("the token is not accepted: ")


def test_a_clock_may_differ_by_seconds(client: TestClient, issuer: Issuer) -> None:
    assert post(client, f"Bearer {token(issuer, exp=time.time() - 3)}")[0] == 201


def signed_with_shared_key(whole: str, key: bytes) -> str:
    """Sign with a key that PyJWT rejects."""
    header = base64.urlsafe_b64encode(b'{"alg":"HS256","typ":"JWT","kid":"rsa"}').rstrip(b"=")
    signed = header + b"." + whole.split(".")[1].encode()
    signature = base64.urlsafe_b64encode(hmac.digest(key, signed, "sha256")).rstrip(b"=")
    return (signed + b"." + signature).decode()


def test_a_forged_token_is_refused(client: TestClient, issuer: Issuer) -> None:
    public_key = KEY.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    whole = token(issuer)
    forged = {
        "signed with another key": token(issuer, key=OTHER_KEY),
        "signed with the public key as a shared one": signed_with_shared_key(token(issuer), public_key),
        "not signed": token(issuer, key=None, algorithm="none"),
        "algorithm of another key": token(issuer, key=CURVE_KEY, algorithm="ES256"),
        "unknown key": token(issuer, kid="unknown"),
        "signature cut off": whole.rpartition(".")[0] + ".",
        "no token at all": "nonsense",
    }
    statuses = {how: post(client, f"Bearer {each}")[0] for how, each in forged.items()}
    assert statuses == dict.fromkeys(forged, 401)


def test_keys_are_read_once(client: TestClient, issuer: Issuer) -> None:
    for _ in range(3):
        assert post(client, f"Bearer {token(issuer)}")[0] == 201
        assert post(client, f"Bearer {token(issuer, kid='unknown')}")[0] == 401
    assert issuer.reads == 1


def test_an_issuer_that_is_down_is_not_the_clients_error(client: TestClient, issuer: Issuer) -> None:
    issuer.available = False
    assert post(client, f"Bearer {token(issuer)}") == (503, None, "tokens cannot be checked at the moment")
    issuer.available = True
    assert post(client, f"Bearer {token(issuer)}")[0] == 201


def test_an_issuer_by_another_name_is_not_trusted(client: TestClient, issuer: Issuer) -> None:
    issuer.name = "https://another.example"
    assert post(client, f"Bearer {token(issuer)}")[0] == 503
