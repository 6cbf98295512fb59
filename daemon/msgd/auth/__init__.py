"""Who is who: password hashes, access and refresh tokens, login rules, and throttles against guessing."""
