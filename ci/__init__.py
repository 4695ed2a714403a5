"""What runs before an upgrade and every night, the benchmark, and the studies."""
