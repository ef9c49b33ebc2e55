"""Parts for Google Cloud: the store in Firestore, and the application with logs in the format of Cloud Run."""
