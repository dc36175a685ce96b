"""Which experts a pool is made of: the universe constructor, and what a pool cannot do well."""
