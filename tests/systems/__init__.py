"""Systems of the tests' own: roots, namespaces, and a systemd that is really booted in them."""
