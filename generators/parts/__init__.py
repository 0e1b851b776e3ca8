"""What several generators share: columns as numbers, holes, class shares, origins, seeds.

It touches no generator: whatever only one of them needs lies with that one.
"""
