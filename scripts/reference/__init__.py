"""What `make reference` is made of: which runs are kept, what they ask for, how they are kept."""
