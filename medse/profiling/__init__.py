"""What a network costs: parameters, FLOPs, memory; and how far it sees."""
