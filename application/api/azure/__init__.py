"""Parts for Azure: the store in Table Storage, and the application with logs in the format of Functions."""
