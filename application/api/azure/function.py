"""The API as an Azure function."""

from api.app import create_app
from api.azure.tables import TableStorageStore

app = create_app(TableStorageStore.from_environment(), "azure")
