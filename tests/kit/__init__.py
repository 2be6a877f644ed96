"""What the tests share: real parts in temporary places, and readers that owe nothing to the code under test."""
