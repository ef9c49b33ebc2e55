"""What only Azure needs: the store in Table Storage, and the application with its logs as Functions takes them."""
