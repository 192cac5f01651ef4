"""Settings, addresses and the WSGI entry: the only readers of the environment and `elonara.toml`."""
