"""What the lifecycle costs, against a baseline measured in the same run on the same server."""
