"""Where tables come from (embedded, a file) and how they are split; knows nothing of models.

Sources return a `bench.table.Table`; `splits` returns row positions. Nothing heavy is imported
here, so that the command line may list datasets without loading pandas.
"""
