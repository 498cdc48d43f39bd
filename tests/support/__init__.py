"""What several tests use: the command line in this process, generated data, small networks."""
