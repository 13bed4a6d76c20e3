"""What `bin/dev` is made of. Only the standard library is used, so that it runs before anything is installed."""
