"""Messages in Firestore."""

import os

from google.api_core.exceptions import GoogleAPIError
from google.api_core.retry import Retry
from google.auth.exceptions import GoogleAuthError
from google.cloud import firestore

from api.messages import Message, Page, StoreError

# Timeouts in seconds of one attempt and of all; the library's default of a minute is longer than clients wait.
_LIMITS = {"timeout": 5, "retry": Retry(initial=0.2, timeout=5)}


class FirestoreStore:
    """A collection with the message's id as the document id."""

    def __init__(self, collection: firestore.CollectionReference) -> None:
        self._collection = collection

    @classmethod
    def from_environment(cls) -> "FirestoreStore":
        """Use the collection that MESSAGES_TABLE names, in the database MESSAGES_DATABASE."""
        client = firestore.Client(
            project=os.environ["GOOGLE_CLOUD_PROJECT"], database=os.environ.get("MESSAGES_DATABASE", "(default)")
        )
        return cls(client.collection(os.environ["MESSAGES_TABLE"]))

    def add(self, message: Message) -> None:
        try:
            self._collection.document(message.id).create(message.model_dump(), **_LIMITS)
        except (GoogleAPIError, GoogleAuthError) as error:
            raise StoreError(f"Firestore collection {self._collection.id}: {error}") from error

    def newest(self, limit: int, before: str | None) -> Page:
        query = self._collection.order_by("id", direction=firestore.Query.DESCENDING).limit(limit + 1)
        if before:
            query = query.where(filter=firestore.FieldFilter("id", "<", before))
        try:
            documents = list(query.stream(**_LIMITS))
        except (GoogleAPIError, GoogleAuthError) as error:
            raise StoreError(f"Firestore collection {self._collection.id}: {error}") from error
        return Page.of([Message.model_validate(document.to_dict()) for document in documents], limit)
