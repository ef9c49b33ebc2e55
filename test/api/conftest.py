"""The three stores, each on its emulator."""

import json
import shutil
import subprocess
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import boto3
import pytest
from azure.data.tables import TableServiceClient

from api.aws.dynamodb import DynamoDbStore
from api.azure.tables import TableStorageStore
from api.gcp.firestore import FirestoreStore
from api.messages import MessageStore

AZURITE_ACCOUNT = "devstoreaccount1"
AZURITE_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
"""Account and key that azurite documents."""


@pytest.fixture(scope="session")
def emulators() -> Iterator[dict[str, str]]:
    """Addresses of the emulators, by provider."""
    if not shutil.which("node"):
        pytest.skip("the emulators need Node.js, and there is no node on the PATH")
    script = Path(__file__).with_name("emulators.mjs")
    # They end when their standard input closes, also if this process is killed.
    with subprocess.Popen(["node", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        line = process.stdout.readline()
        assert line, f"the emulators did not start: node {script} ended with {process.wait()}"
        yield json.loads(line)
        process.stdin.close()


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch, emulators: dict[str, str]) -> Callable[[str], None]:
    """Set the environment variables of a function on a cloud, with a new, empty table."""

    def on(provider: str) -> None:
        table = f"messages{uuid.uuid4().hex}"
        for name, value in ENVIRONMENTS[provider](emulators).items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("MESSAGES_TABLE", table)
        TABLES[provider](table, emulators)

    return on


ENVIRONMENTS = {
    "aws": lambda emulators: {
        "AWS_ENDPOINT_URL_DYNAMODB": emulators["aws"],
        "AWS_REGION": "ap-northeast-1",
        "AWS_DEFAULT_REGION": "ap-northeast-1",
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_EC2_METADATA_DISABLED": "true",
    },
    "azure": lambda emulators: {"MESSAGES_STORAGE": azurite_connection(emulators["azure"])},
    "gcp": lambda emulators: {
        "FIRESTORE_EMULATOR_HOST": emulators["gcp"],
        "GOOGLE_CLOUD_PROJECT": "local",
        "MESSAGES_DATABASE": "messages",
    },
}


def azurite_connection(address: str) -> str:
    return (
        f"DefaultEndpointsProtocol=http;AccountName={AZURITE_ACCOUNT};AccountKey={AZURITE_KEY};"
        f"TableEndpoint={address}/{AZURITE_ACCOUNT};"
    )


def create_dynamodb_table(name: str, _: dict[str, str]) -> None:
    client = boto3.client("dynamodb")
    client.create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "board", "KeyType": "HASH"}, {"AttributeName": "id", "KeyType": "RANGE"}],
        AttributeDefinitions=[
            {"AttributeName": "board", "AttributeType": "S"},
            {"AttributeName": "id", "AttributeType": "S"},
        ],
    )
    client.get_waiter("table_exists").wait(TableName=name, WaiterConfig={"Delay": 1})


def create_storage_table(name: str, emulators: dict[str, str]) -> None:
    TableServiceClient.from_connection_string(azurite_connection(emulators["azure"])).create_table(name)


TABLES = {
    "aws": create_dynamodb_table,
    "azure": create_storage_table,
    # A Firestore collection exists only while it has documents.
    "gcp": lambda name, emulators: None,
}

STORES = {"aws": DynamoDbStore, "azure": TableStorageStore, "gcp": FirestoreStore}


@pytest.fixture(params=STORES)
def provider(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def new_store(provider: str, cloud: Callable[[str], None]) -> Callable[[], MessageStore]:
    """Create the cloud's store from the environment, which names an empty table at first."""
    cloud(provider)
    return STORES[provider].from_environment


@pytest.fixture
def store(new_store: Callable[[], MessageStore]) -> MessageStore:
    """An empty store, of each cloud in turn."""
    return new_store()
