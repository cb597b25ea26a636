"""Guards and transitions damaged one at a time: each must turn the proof or the tests red."""
