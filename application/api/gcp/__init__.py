"""What only Google Cloud needs: the store in Firestore, and the application with its logs as Cloud Run takes them."""
