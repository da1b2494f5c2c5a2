"""A YAML file held against a msgspec model: line marks, shape, every error at once. What file it is, a `Language` says."""
