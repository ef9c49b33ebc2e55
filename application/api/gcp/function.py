"""The API as a Cloud Run function."""

from api.app import create_app
from api.gcp.firestore import FirestoreStore

app = create_app(FirestoreStore.from_environment(), "gcp")
