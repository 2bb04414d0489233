"""The two small networks that Attune trains from scratch."""
