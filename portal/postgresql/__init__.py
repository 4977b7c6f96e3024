"""Django's PostgreSQL, which tells each connection who asks: see `sharing.kernel.wall`."""
