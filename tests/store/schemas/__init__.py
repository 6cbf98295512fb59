"""Each schema that was ever released, as SQL with a small store in it; written once by `freeze`, never changed."""
