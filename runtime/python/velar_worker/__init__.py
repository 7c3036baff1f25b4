"""The worker: what runs inside a container. ``python -m velar_worker`` starts the supervisor."""
