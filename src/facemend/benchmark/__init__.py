"""What a restoration costs: time, memory, start, size; of this network and of others', side by side in one run."""
